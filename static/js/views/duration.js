// Time spent and time left: in digits, in words and as warnings. Pure; all times are seconds.

const SHOW_LEFT = 120 // from here on the time left is shown instead of the time spent
const SHORT = 60 // from here on the time left is marked as short
const WARNINGS = [
  [60, "One minute left."],
  [10, "Ten seconds left."],
]

/** Format a duration as "4:05", or as "1:04:05" from an hour on. */
export function clockTime(seconds) {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (n) => String(n).padStart(2, "0")
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** Format a duration as "12 seconds", "1 minute" or "3 minutes 5 seconds". */
export function durationInWords(seconds) {
  const whole = Math.max(0, Math.round(seconds))
  const counted = (n, unit) => (n ? [`${n} ${unit}${n === 1 ? "" : "s"}`] : [])
  const parts = [...counted(Math.floor(whole / 60), "minute"), ...counted(whole % 60, "second")]
  return parts.join(" ") || "0 seconds"
}

/** What the clock shows: {text, isShort}. `limit` may be null. */
export function clockReading(elapsed, limit) {
  const left = limit === null ? Infinity : limit - elapsed
  if (left > SHOW_LEFT) return { text: clockTime(elapsed), isShort: false }
  return { text: `${clockTime(Math.ceil(left))} left`, isShort: left <= SHORT }
}

/** The warning that became due between two moments, or null. A session shorter than a warning never gets it. */
export function dueWarning(before, now, limit) {
  if (limit === null) return null
  const due = WARNINGS.findLast(([left]) => limit > left && before < limit - left && now >= limit - left)
  return due ? due[1] : null
}
