"""What moves, why, and what is kept of it."""

from __future__ import annotations

from targon_gw.core.attempts import Throttled
from targon_gw.core.health import Cooling, Ready, Standing, Suspect
from targon_gw.core.keys import KEPT_CHANGES, Account
from targon_gw.core.subjects import Cause, Moves, Subject, of_account, of_key, of_leave, of_route
from tests.fakes import lease, pool


class CauseTests:
    """The words."""

    def test_words(self) -> None:
        """The outcome's own, or others; and that nobody knows better, where that is so."""
        outcome = Throttled(3.0, "429: too many requests")
        assert Cause(outcome, "", 0.0).words == "429: too many requests"
        assert Cause(outcome, "", 0.0, "taken back").words == "taken back"
        assert Cause(outcome, "", 0.0, undetermined=True).words.endswith(", undetermined: nobody to compare with")


class MovesTests:
    """The record."""

    def test_kept_twice(self) -> None:
        """With the subject, and for whoever takes the changes away; what is no change is not kept."""
        moves, standing = Moves(), Standing()
        subject = Subject(standing, "it", Account("a").history)
        cause = Cause(Throttled(), "req_1", 2.0)
        moves.move(subject, Ready(), cause)
        moves.move(subject, Cooling(5.0, 1), cause)
        moves.move(subject, Cooling(9.0, 2), cause)
        moves.move(subject, Suspect(), cause)

        assert list(subject.history) == moves.changes
        assert [(one.before, one.after, one.until) for one in moves.changes] == [
            ("ready", "cooling", 5.0),
            ("cooling", "cooling", 9.0),
            ("cooling", "suspect", None),
        ]
        assert (standing.health, standing.epoch) == (Suspect(), 3)

    def test_the_last_ones(self) -> None:
        """Of what changes again and again the oldest go."""
        moves, standing = Moves(), Standing()
        subject = Subject(standing, "it", Account("a").history)
        for number in range(KEPT_CHANGES + 5):
            moves.move(subject, Cooling(9.0, number + 1), Cause(Throttled(), f"req_{number}", 2.0))

        assert [one.request_id for one in subject.history] == [f"req_{n}" for n in range(5, KEPT_CHANGES + 5)]


class SubjectTests:
    """The names that people see."""

    def test_names(self) -> None:
        """Of a key, an account, its leave for a model, a model."""
        held = lease(pool(1), 0.0)
        key, account = held.key, held.account
        subjects = (
            of_key(key),
            of_account(account),
            of_leave(account, account.leave_for("m"), "m"),
            of_route(held.route),
        )
        assert [one.name for one in subjects] == [
            key.id,
            f"account {account.id}",
            f"account {account.id} for m",
            "model acme/large",
        ]
