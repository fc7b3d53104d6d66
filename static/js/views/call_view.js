// What the page shows of a running call, next to the transcript and the end screen.

import { browserStorage } from "../browser/storage.js"
import { stateWord } from "../conversation/conversation.js"
import { Announcer } from "./announcer.js"
import { AvatarControls } from "./avatar_controls.js"
import { CallButtons } from "./call_buttons.js"
import { Captions } from "./captions.js"
import { Composer } from "./composer.js"
import { MicrophoneView } from "./microphone_view.js"
import { StageView } from "./stage_view.js"
import { TalkButton } from "./talk_button.js"

export class CallView {
  #captions
  #composer
  #talkButton
  #avatarControls

  /**
   * `turns` are earlier ones; `isCustom` is true for a CUSTOM session; `pushToTalk` is a PushToTalk, or null.
   */
  constructor(page, { avatarName, turns, isCustom, transcript, call, commands, room, microphone, pushToTalk }) {
    this.announcer = new Announcer(avatarName, turns)
    this.stage = new StageView(page)
    this.buttons = new CallButtons(page, {
      cancel: () => call.cancel(),
      end: () => (call.phase === "live" ? call.end() : call.cancel()),
      interrupt: () => commands.interrupt(),
      startSound: () => room.startSound(),
    })
    this.microphone = new MicrophoneView(page, {
      toggle: () => microphone.toggle(),
      tryAgain: () => microphone.request(),
    })
    this.#captions = new Captions(page, browserStorage.flag("captions"))
    this.#composer = new Composer(page, {
      ask: (text) => commands.ask(text),
      say: (text) => commands.say(text),
    })
    this.#talkButton = pushToTalk && new TalkButton(page, pushToTalk)
    this.#avatarControls = isCustom && new AvatarControls(page, (type) => commands.send(type))
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing) return
      if (transcript.isOpen) transcript.show(false)
      else this.buttons.pressInterrupt()
    })
  }

  /** Show the conversation as it stands; `allowed` is what allowedActions() answers. */
  render(conversation, allowed) {
    this.stage.showState(stateWord(conversation, Date.now()))
    this.#captions.show(conversation.turns.findLast((turn) => turn.sounding))
    this.buttons.enableInterrupt(allowed.interrupt)
    this.#composer.enable(allowed.command)
    this.microphone.enable(allowed.microphone)
    if (this.#talkButton) this.#talkButton.enable(allowed.command)
    if (this.#avatarControls) this.#avatarControls.enable(allowed.command)
    this.announcer.announce(conversation.turns)
  }
}
