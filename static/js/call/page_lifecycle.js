// What the page tells the site when it opens, is hidden, comes back online, or goes away.

const FAREWELL_SIZE = 60_000 // bytes; browsers refuse beacons above 64 KiB

export class PageLifecycle {
  #call
  #site
  #socket
  #outbox
  #journal
  #source
  #onLeave
  #window

  /** `source` names this page in the site's protocol; `onLeave()` is called last. */
  constructor({ call, site, socket, outbox, journal, source, onLeave, window = globalThis }) {
    this.#call = call
    this.#site = site
    this.#socket = socket
    this.#outbox = outbox
    this.#journal = journal
    this.#source = source
    this.#onLeave = onLeave
    this.#window = window
  }

  /** Record that the page is open, and listen for what happens to it. */
  open() {
    const { document, navigator, innerWidth: width, innerHeight: height } = this.#window
    this.#journal.recordPageEvent("page.opened", {
      user_agent: navigator.userAgent,
      width,
      height,
      visibility: document.visibilityState,
    })
    document.addEventListener("visibilitychange", () =>
      this.#journal.recordPageEvent("page.visibility", { state: document.visibilityState }),
    )
    this.#window.addEventListener("online", () => this.#socket.wake())
    this.#window.addEventListener("pagehide", () => this.leave())
  }

  /** Hand over what the site has not acknowledged, and say whether the session may now be without a page. */
  leave() {
    const isLeaving = this.#call.mustBeStopped
    if (!this.#call.isOver) this.#call.leave()
    if (isLeaving || this.#outbox.size > 0) {
      this.#site.leave(this.#outbox.farewell(this.#source, FAREWELL_SIZE), isLeaving)
    }
    this.#socket.close()
    this.#onLeave()
  }
}
