// Tells the site that the session is over, until the site has heard it.

const PAUSE = 1_000 // ms until an unheard stop is repeated, doubled each time
const PAUSE_CAP = 15_000 // ms

/**
 * Ask the site to stop the session, again and again while it cannot be reached: the site keeps the session alive, and
 * it is billed, for as long as this page is open. Resolves to the site's {state, end_reason, end_text}, or to null
 * when the site refuses for good.
 */
export async function stopUntilHeard(site, { reason, detail }) {
  for (let pause = PAUSE; ; pause = Math.min(2 * pause, PAUSE_CAP)) {
    try {
      return await site.stop(reason, detail)
    } catch (error) {
      if (error.name !== "SiteError") throw error
      if (!error.retry) return null
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}
