// Removes pictures that cannot be loaded, so that the initial beneath them is seen.

for (const picture of document.querySelectorAll("[data-picture]")) {
  const drop = () => picture.remove()
  if (picture.complete && picture.naturalWidth === 0) drop()
  else picture.addEventListener("error", drop, { once: true })
}
