"""Answers that need no context: to greetings, thanks and "who are you"."""

import re

_RULES = [
    (
        r"(hello|hi|hey|good (morning|afternoon|evening)|greetings)( there| everyone| {name})?",
        "Hello! How can I help you?",
    ),
    (
        r"how are you( doing)?( today)?|how do you do|how is it going",
        "I am well, thank you. What would you like to know?",
    ),
    (
        r"(and )?(what is|what's|tell me|may i know) your name|who are you|who am i (talking|speaking) to",
        "I am {name}. Ask me anything that is in my context.",
    ),
    (r"(ok |okay )?(many )?(thanks|thank you)( so| very)?( much)?( a lot)?( {name})?", "You are welcome!"),
    (
        r"(ok |okay )?(good ?bye|bye|bye bye|see you( later| soon)?|take care)( {name})?",
        "Goodbye! It was nice talking to you.",
    ),
    (
        r"tell me (a|another) joke|make me laugh|do you know (a joke|any jokes)",
        "Why do avatars never get lost? They always stay in their context.",
    ),
    (
        r"(what|how) can you (do|help)( for me| me)?( with)?|what do you know|help( me)?|"
        r"what (can|could|should|may) i ask( you)?( about)?",
        "I answer from my context, without any network. {topics}",
    ),
    (
        r"are you (a |an )?(real|human|robot|bot|ai|person|machine)( person| human)?",
        "I am a cartoon avatar that runs on this machine. My answers come from my context.",
    ),
    (r"can you hear me|are you (still )?there|test( test)?|testing", "Yes, I am here."),
    (
        r"(yes|no|ok|okay|sure|fine|great|cool|nice|alright|i see)( please)?",
        "All right. What else would you like to know?",
    ),
]


def answer_small_talk(text: str, name: str, topics: str) -> str | None:
    """Answer `text` if it is nothing but small talk. `topics`: a sentence that suggests questions."""
    plain = " ".join(re.sub(r"[^\w' ]+", " ", text.lower().replace("\u2019", "'")).split())
    for pattern, answer in _RULES:
        if re.fullmatch(pattern.replace("{name}", re.escape(name.lower())), plain):
            return answer.format(name=name, topics=topics).strip()
    return None
