"""The offline brain's answers."""

import pytest

from voice.answering.offline_brain import OfflineBrain

PROMPT = """You are Ava, the friendly voice of Corner Cafe. Never talk about politics. Keep answers short.
Corner Cafe is at 12 Mill Lane in Bristol. We open at 8 am and close at 6 pm on weekdays. On Sundays we are closed.
Delivery: we bring orders over 20 pounds within three miles for free.
Refunds: ask within 14 days with your receipt.
Our espresso is roasted by hand every Monday. There are vegan cakes and gluten-free brownies.
The wifi password is latte42.
"""
FAQS = [
    "Q: Do you host parties? A: Yes, for up to 40 guests. Call us first. Q: Dogs? A: Dogs are welcome outside.",
    "We have twelve parking spaces behind the house.",
]
NOT_KNOWN = (
    "That is not in my context, so I would rather not guess. You could ask me about Delivery or Refunds."
)


@pytest.fixture
def brain():
    return OfflineBrain(name="Ava", prompt=PROMPT, faqs=FAQS)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What time do you open?", "We open at 8 am and close at 6 pm on weekdays."),
        ("do you deliver", "Delivery: we bring orders over 20 pounds within three miles for free."),
        ("Are you closed on Sunday?", "On Sundays we are closed."),
        ("where is the cafe", "Corner Cafe is at 12 Mill Lane in Bristol."),
        ("is there wifi", "The wifi password is latte42."),
        ("can I get a refund", "Refunds: ask within 14 days with your receipt."),
        ("any vegan options?", "There are vegan cakes and gluten-free brownies."),
        ("do you do birthday parties?", "Yes, for up to 40 guests. Call us first."),
        ("can I bring my dog", "Dogs are welcome outside."),
        ("where can I park my car? is there parking?", "We have twelve parking spaces behind the house."),
    ],
)
def test_questions_are_answered_from_the_context(brain, question, answer):
    assert brain.answer(question) == answer


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is tea?", "Tea is a drink made of leaves."),
        ("What is green tea", "Green tea is not fermented."),
        ("what does milk do?", "Milk makes tea mild."),
    ],
)
def test_a_sentence_about_the_subject_beats_one_that_mentions_it(question, answer):
    facts = "The cake goes with tea. Milk makes tea mild. Tea is a drink made of leaves. Green tea is not fermented."

    assert OfflineBrain(name="Ava", prompt=facts).answer(question) == answer


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("Hi!", "Hello! How can I help you?"),
        ("Hello, Ava.", "Hello! How can I help you?"),
        ("what\u2019s your name?", "I am Ava. Ask me anything that is in my context."),
        ("Thank you so much!", "You are welcome!"),
        ("goodbye", "Goodbye! It was nice talking to you."),
        (
            "What can you do?",
            "I answer from my context, without any network. You could ask me about Delivery or Refunds.",
        ),
    ],
)
def test_small_talk_is_answered_without_the_context(brain, said, answer):
    assert brain.answer(said) == answer


@pytest.mark.parametrize(
    "question", ["Who won the world cup?", "tell me about quantum physics", "", "???", "\0"]
)
def test_no_answer_is_invented_for_a_question_outside_the_context(brain, question):
    assert brain.answer(question) == NOT_KNOWN


@pytest.mark.parametrize(
    "question", ["what about politics", "keep answers short", "who is the friendly voice"]
)
def test_instructions_are_never_spoken(brain, question):
    assert "Never" not in brain.answer(question)
    assert "You are Ava" not in brain.answer(question)


def test_a_greeting_with_a_question_is_answered_as_a_question(brain):
    assert brain.answer("Hi, when do you open?") == "We open at 8 am and close at 6 pm on weekdays."


def test_a_brain_without_facts_says_so():
    brain = OfflineBrain(name="Ava", prompt="You are a helpful assistant. Be brief.")

    assert (
        brain.answer("when do you open?")
        == "I was given no facts to answer from, so I would rather not guess."
    )


async def test_a_reply_comes_sentence_by_sentence(brain):
    sentences = [sentence async for sentence in brain.reply("do you host parties")]

    assert sentences == ["Yes, for up to 40 guests. ", "Call us first."]
