// Count ages up and remaining times down between two fetches.

export function tickClocks(root) {
  setInterval(() => {
    for (const clock of root.querySelectorAll("[data-counts]")) {
      const step = clock.dataset.counts === "up" ? 1 : -1
      clock.dataset.seconds = Math.max(0, Number(clock.dataset.seconds) + step)
      clock.textContent = spoken(Number(clock.dataset.seconds))
    }
  }, 1000)
}

function spoken(seconds) {
  const two = (number) => String(number).padStart(2, "0")
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  return hours ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
}
