"""What people ask the seeded contexts, and what they say that has nothing to do with them."""

from dataclasses import dataclass
from pathlib import Path

PROMPTS = Path(__file__).resolve().parents[2] / "simulator" / "prompts"
GUIDE, COFFEE = (PROMPTS / f"{name}.txt" for name in ("guide", "coffee_shop"))


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` is a part of the sentence that answers it."""

    text: str
    answer: str


ABOUT_THE_GUIDE = [
    Question("What is LiveAvatar?", "is a service by HeyGen"),
    Question("What is an avatar?", "digital human"),
    Question("What is a context?", "what the avatar knows"),
    Question("What is a session?", "one conversation with an avatar"),
    Question("How much does it cost?", "two credits a minute"),
    Question("What does a minute cost?", "two credits a minute"),
    Question("What is the price of a credit?", "two credits a minute"),
    Question("How long can I talk?", "how long you can talk"),
    Question("What is the sandbox?", "about one minute"),
    Question("What is full mode?", "In full mode"),
    Question("What is custom mode?", "In custom mode"),
    Question("What is the difference between the modes?", "two modes"),
    Question("Which languages do you speak?", "I speak the language"),
    Question("Can I interrupt you?", "You can interrupt me"),
    Question("What is push to talk?", "walkie-talkie"),
    Question("Why can you not hear me?", "If I cannot hear you"),
    Question("I hear no sound.", "click on the page once"),
    Question("How do I end the conversation?", "press the end button"),
    Question("What is the simulator?", "local stand-in"),
    Question("Where does your voice come from?", "speech synthesizer"),
    Question("Is the conversation recorded?", "recorded as a transcript"),
    Question("What happens if the connection drops?", "reconnects by itself"),
    Question("Where is the API key?", "stays on the server"),
    Question("What programming language is this written in?", "written in the programming language Python"),
    Question("How many credits are in the free plan?", "free plan has ten credits"),
    Question("What is the opening text?", "is the greeting"),
    Question("What do people use avatars for?", "customer support"),
    Question("Do I need a microphone?", "microphone"),
]

ABOUT_COFFEE = [
    Question("What are your opening hours?", "open from seven"),
    Question("When do you open?", "open from"),
    Question("Are you open on Sunday?", "On Saturday and Sunday"),
    Question("Are you open at the weekend?", "On Saturday and Sunday"),
    Question("What is your address?", "12 Quay Street"),
    Question("How do I find you?", "12 Quay Street"),
    Question("Do you have oat milk?", "Oat milk and soy milk"),
    Question("How much is a flat white?", "flat white or a latte three euros eighty"),
    Question("How much is a cappuccino?", "cappuccino three euros sixty"),
    Question("What does an espresso cost?", "espresso costs two euros fifty"),
    Question("Do you have decaf?", "decaf beans"),
    Question("Do you have tea?", "A pot of tea"),
    Question("Can I buy coffee beans?", "bag of beans"),
    Question("Do you have croissants?", "croissants for two euros forty"),
    Question("Is there something vegan?", "vegan banana bread"),
    Question("Is the banana bread gluten free?", "free of gluten"),
    Question("What is for lunch?", "soup of the day"),
    Question("Is the soup vegetarian?", "always vegetarian"),
    Question("What do you recommend?", "I recommend a flat white"),
    Question("Do you have wifi?", "Harbour Guest"),
    Question("What is the wifi password?", "on your receipt"),
    Question("Can I pay by card?", "pay by card"),
    Question("Can I pay in cash?", "in cash"),
    Question("Are dogs allowed?", "Dogs are welcome"),
    Question("Can I bring my dog?", "Dogs are welcome"),
    Question("Can I book a table?", "long table by telephone"),
    Question("Is there a toilet?", "accessible toilet"),
    Question("Can I reserve a table for a group?", "long table by telephone"),
    Question("Is the refill free?", "refill is free"),
]

SMALL_TALK = [
    Question("Hello.", "Hello! How can I help you?"),
    Question("Good morning.", "Hello! How can I help you?"),
    Question("How are you?", "I am well"),
    Question("What is your name?", "Ask me anything"),
    Question("Who are you?", "Ask me anything"),
    Question("Thank you very much.", "You are welcome!"),
    Question("Goodbye.", "Goodbye!"),
    Question("Can you hear me?", "Yes, I am here."),
    Question("What can you do?", "I answer from my context"),
    Question("Tell me a joke.", "Why do avatars never get lost"),
    Question("Are you a robot?", "I am a cartoon avatar"),
    Question("Help.", "I answer from my context"),
]

OFF_TOPIC = [
    "The quick brown fox jumps over the lazy dog.",
    "Parliament rejected the amendment after a lengthy debate.",
    "My grandmother keeps seven chickens behind her garage.",
    "Photosynthesis converts sunlight into chemical energy.",
    "The striker scored twice in the second half.",
    "Interest rates rose by a quarter of a percent yesterday.",
    "Please hand me that screwdriver from the toolbox.",
    "Mount Everest was first climbed in nineteen fifty three.",
    "He forgot his umbrella on the train to Manchester.",
    "Quantum entanglement puzzled Albert Einstein.",
    "Did you watch the football match last night?",
    "The dentist moved my appointment to Thursday.",
    "Our neighbours painted their fence purple.",
    "Dinosaurs disappeared sixty five million years ago.",
    "She plays the violin in a symphony orchestra.",
    "Turn left after the roundabout and follow the motorway.",
]
