"""What English speakers say to any avatar: small talk, questions, and frames for questions."""

SMALL_TALK = """
    hello / hi / hey / hello there / good morning / good afternoon / good evening / how are you
    how are you today / how do you do / how is it going / what is your name / what's your name / who are you
    who am i talking to / thanks / thank you / thank you very much / thank you so much / many thanks
    goodbye / bye / bye bye / see you / see you later / take care / tell me a joke / tell me another joke
    make me laugh / what can you do / what can you do for me / how can you help me / what do you know
    help / help me / what can i ask / what can i ask you / what should i ask / are you real / are you human
    are you a robot / are you a person / are you a machine / can you hear me / are you there
    are you still there / testing / test / yes / no / ok / okay / sure / fine / great / cool / nice / alright
    i see / yes please / no thank you / stop / please stop / wait / repeat that please / say that again
    """

QUESTIONS = """
    what is it / what is that / what is this / how does it work / how does this work / how do i start
    how do i use it / how much is it / how much does it cost / what does it cost / what is the price
    what are the prices / is it free / is it expensive / when do you open / when do you close
    when are you open / what time do you open / what time do you close / what are your opening hours
    what are your hours / are you open today / are you open tomorrow / are you open on sunday
    are you open at the weekend / where are you / where are you located / where is it / where can i find you
    how do i find you / how do i get there / what is your address / what is the address
    what is your phone number / how can i contact you / can i call you / can i pay by card / can i pay in cash
    how can i pay / do you accept cards / do you deliver / can i book / can i reserve
    can i make a reservation / can i book a table / what do you have / what do you offer / what do you sell
    what do you recommend / what can you recommend / what is your favourite / tell me more
    tell me more about it / tell me about it / tell me about you / can you explain that
    what does that mean / how long does it take / how many are there / who made you / who built this
    what languages do you speak / which languages do you speak / do you speak english
    where do you come from / is there parking / is there wifi / is there a toilet / are dogs allowed
    can i bring my dog / can i cancel / can i get a refund / i have a question / i have a problem
    it does not work / i need help / can you help me
    """

# * stands for a term of the conversation: a word or two of its texts.
USUAL_FRAMES = """
    what is * / what is a * / what is the * / what are * / how much is a * / do you have * / is there * / can i *
    where is the * / how do i * / tell me about * / are you *
    """
OTHER_FRAMES = """
    what is an * / what are the * / what about * / what about the * / what does * cost / what does a * cost
    what does an * cost / how much is * / how much is the * / how much does * cost / how much does a * cost
    how does * work / how does the * work / how do you * / how can i * / how long is * / how long is the *
    how many * / how many * are there / do you have a * / do you have any * / do you sell * / do you like *
    do i need * / do i need a * / is there a * / is there any * / are there * / are there any * / is * free
    is the * free / is it * / is the * * / are * * / are * allowed / can i * the * / can i have * / can i have a *
    can i get a * / can i buy * / can i use * / can i bring * / can you * / can you * me / where is *
    where can i * / where does * come from / when is * / when do you * / which * / which * do you have / who is *
    why is * / why * / tell me about the * / tell me more about * / i want * / i would like * / i would like a *
    i need * / explain * / what happens if * / what happens when * / what * do you have / what * is this
    what kind of * / what is * for / * please
    """


def split_phrases(text: str) -> list[str]:
    """Split one of the texts above into its phrases."""
    return [phrase.strip() for line in text.strip().splitlines() for phrase in line.split(" / ")]
