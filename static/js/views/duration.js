// Time spent and time left, and when to speak of it. Pure; all times are seconds.

export const SHORT = 120 // from here on the time left is shown instead of the time spent
const WARNINGS = [
  [60, "One minute left."],
  [10, "Ten seconds left."],
]

/** "4:05", or "1:04:05" from an hour on. */
export function clockTime(seconds) {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (n) => String(n).padStart(2, "0")
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** "12 seconds", "1 minute", "3 minutes 5 seconds". */
export function inWords(seconds) {
  const whole = Math.max(0, Math.round(seconds))
  const counted = (n, unit) => (n ? [`${n} ${unit}${n === 1 ? "" : "s"}`] : [])
  const parts = [...counted(Math.floor(whole / 60), "minute"), ...counted(whole % 60, "second")]
  return parts.join(" ") || "0 seconds"
}

/** What the clock shows: {text, short}. `limit` may be null. */
export function reading(elapsed, limit) {
  const left = limit === null ? Infinity : limit - elapsed
  if (left > SHORT) return { text: clockTime(elapsed), short: false }
  return { text: `${clockTime(Math.ceil(left))} left`, short: left <= 60 }
}

/** The warning that became due between two moments, or null. A limit below a warning never gives it. */
export function warning(before, now, limit) {
  if (limit === null) return null
  const due = WARNINGS.findLast(([left]) => limit > left && before < limit - left && now >= limit - left)
  return due ? due[1] : null
}
