"""What would pass, as rows for a program and as a sentence for a person."""

from gateway.core.nearest import WouldPass
from gateway.web.problem import GatewayError
from gateway.web.suggestions import rows, suggesting

SHORT = WouldPass({"duration": 5, "has_sound": False}, "a/film/text-to-video", 350_000)
CHEAP = WouldPass({}, "b/cheap/text-to-video", 100_000)
ERROR = GatewayError(402, "BUDGET_EXCEEDED", "No room.", {"limit": "month"}, {"x-should-retry": "false"})


def test_a_row_is_what_to_change_on_which_model_and_what_it_would_cost() -> None:
    assert rows([SHORT, CHEAP]) == [
        {"changes": {"duration": 5, "has_sound": False}, "model": "a/film/text-to-video", "cost_usd": "0.350000"},
        {"changes": {}, "model": "b/cheap/text-to-video", "cost_usd": "0.100000"},
    ]


def test_the_nearest_is_told_in_words_as_a_body_would_say_it() -> None:
    told = suggesting(ERROR, [SHORT, CHEAP])
    assert told.message == 'No room. It would pass now with "duration": 5 and "has_sound": false, for 0.35 USD.'
    assert told.details == {"limit": "month", "would_pass": rows([SHORT, CHEAP])}
    assert (told.status, told.code, told.headers) == (ERROR.status, ERROR.code, ERROR.headers)
    assert suggesting(ERROR, [CHEAP]).message == 'No room. It would pass now on "b/cheap/text-to-video", for 0.10 USD.'


def test_where_nothing_would_pass_nothing_is_promised() -> None:
    told = suggesting(ERROR, [])
    assert (told.message, told.details) == ("No room.", {"limit": "month", "would_pass": []})
