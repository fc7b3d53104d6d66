// A picture that cannot be loaded makes way for the initial beneath it.

for (const picture of document.querySelectorAll("[data-picture]")) {
  const drop = () => picture.remove()
  if (picture.complete && picture.naturalWidth === 0) drop()
  else picture.addEventListener("error", drop, { once: true })
}
