// Copy buttons. Each copies the [data-copied] text beside it.

export function copyOnClick(root, toast) {
  root.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]")
    if (button) await toast.copy(button.parentElement.querySelector("[data-copied]").textContent, "it")
  })
}
