"""Who is drawn for a call, who is not drawn twice, and what the pool tells about itself."""

from __future__ import annotations

from collections import Counter

import pytest

from targon_gw.core.attempts import Abandoned, Barred, Exhausted, ModelFault, Outcome, Served, Throttled, VendorFault
from targon_gw.core.config import Dialect, Draw, PerKey
from targon_gw.core.keys import UpstreamKey, Want
from targon_gw.core.pool import BUSY_FOR_THREAD, THREADS, KeyPool
from tests.fakes import MODEL, key, lease, lease_of, pool, the

FAULT = VendorFault("500", 500)


def served(keys: KeyPool, want: Want, now: float) -> UpstreamKey:
    """The key that serves one call of that kind."""
    held = lease(keys, now, want)
    keys.give_back(held, Served(), now)
    return held.key


class Looked(set[str]):
    """Tried keys of a call, which count how many keys the draw has looked at."""

    looks = 0

    def __contains__(self, one: object) -> bool:
        self.looks += 1
        return super().__contains__(one)


class DrawTests:
    """One lease."""

    def test_spreads_over_all(self) -> None:
        """A hundred calls one after the other use each of ten keys ten times."""
        keys = pool(10)
        used = Counter(served(keys, Want(MODEL), 0.0) for _ in range(100))

        assert set(used.values()) == {10}

    @pytest.mark.parametrize("draw", list(Draw))
    def test_per_key_limit(self, draw: Draw) -> None:
        """No key has more leases out than it may; where all have, nobody is drawn until one is back."""
        keys = pool(2, draw=draw, per_key=PerKey(2))
        held = [lease(keys, 0.0) for _ in range(4)]

        assert [k.in_flight for k in keys.keys.values()] == [2, 2]
        assert keys.draw(Want(MODEL), 0.0) is None
        keys.give_back(held[3], Abandoned(), 0.0)
        assert lease(keys, 0.0).key is held[3].key

    def test_no_keys(self) -> None:
        """A pool without keys, or with none that is enabled, serves nobody and says so."""
        assert pool([]).draw(Want(MODEL), 0.0) is None
        assert pool([]).vacancy(MODEL, 0.0).back is None
        off = pool([key(0, enabled=False)])
        assert off.draw(Want(MODEL), 0.0) is None
        assert off.census(0.0) == {"disabled": 1}

    def test_never_the_same_key_twice(self) -> None:
        """A call that goes on gets each key once, then none; only when asked for does it get one again."""
        keys, want = pool(3), Want(MODEL)
        got = []
        while (drawn := keys.draw(want, 0.0)) is not None:
            got.append(drawn.key)
            keys.give_back(drawn, Abandoned(), 0.0)

        assert len(set(got)) == len(got) == 3
        again = keys.draw(want, 0.0, again=True)
        assert again is not None

    @pytest.mark.parametrize("outcome", [Throttled(1.0), Exhausted()])
    @pytest.mark.parametrize("dialect", [Dialect.OPENAI, Dialect.TARGON])
    def test_never_the_same_account_after_its_limit(self, outcome: Throttled | Exhausted, dialect: Dialect) -> None:
        """The call goes to another account, not to another key of this one, not even where it may be drawn again."""
        keys = pool([key(0, "alice"), key(1, "alice"), key(2, "bob")], dialect=dialect)
        want = Want(MODEL)
        keys.give_back(lease(keys, 0.0, want), outcome, 0.0)

        other = lease(keys, 0.0, want)
        assert other.key.account.id == "bob"
        keys.give_back(other, outcome, 0.0)
        assert keys.draw(want, 1e6) is None
        assert keys.draw(want, 1e6, again=True) is None

    def test_second_try_prefers_who_served_the_model_last(self) -> None:
        """The key that is known to be well is the best one to go on with."""
        keys = pool(5)
        keys.give_back(lease_of(keys, 3, 0.0), Served(), 0.0)
        want = Want(MODEL)
        first = lease(keys, 1.0, want)

        assert first.key is not the(keys, 3)
        keys.give_back(first, FAULT, 1.0)
        assert lease(keys, 1.0, want).key is the(keys, 3)

    def test_lease_comes_back_once(self) -> None:
        """A second time raises, and moves nothing."""
        keys = pool(1)
        held = lease(keys, 0.0)
        keys.give_back(held, Served(), 0.0)

        with pytest.raises(RuntimeError):
            keys.give_back(held, Barred(), 0.0)
        assert held.key.in_flight == 0
        assert keys.census(0.0) == {"usable": 1}

    def test_served_is_counted_once(self) -> None:
        """At the first event of a stream, not again at its end."""
        keys = pool(1)
        held = lease(keys, 0.0)
        for now in (1.0, 2.0):
            keys.proved(held, now)
        keys.give_back(held, Served(), 3.0)

        assert (held.key.served, held.key.served_at) == (1, 1.0)

    @pytest.mark.parametrize("draw", [Draw.LEAST_BUSY, Draw.WEIGHTED, Draw.FASTEST, Draw.ROUND_ROBIN])
    def test_big_pool_is_not_dearer(self, draw: Draw) -> None:
        """A draw from 10,000 idle keys looks at no more of them than one from ten."""
        looked = []
        for size in (10, 10_000):
            keys, seen = pool(size, draw=draw), Looked()
            for _ in range(20):
                held = lease(keys, 0.0, Want(MODEL, tried_keys=seen))
                keys.give_back(held, Served(), 0.0)
                seen.clear()
            looked.append(seen.looks)

        assert 0 < looked[1] <= looked[0] * 3


class ConversationTests:
    """Stickiness: vendors cache prefixes."""

    def test_prefers_the_key_that_served_it(self) -> None:
        """A conversation stays with its key, whatever others are idle longer."""
        keys = pool(5)
        first = served(keys, Want(MODEL, thread=7), 0.0)
        served(keys, Want(MODEL), 0.0)

        assert [served(keys, Want(MODEL, thread=7), 1.0) for _ in range(5)] == [first] * 5
        assert served(keys, Want(MODEL, thread=8), 1.0) is not first

    def test_only_if_it_is_idle_enough(self) -> None:
        """Where that key is busy, another one serves."""
        keys = pool(3)
        mine = served(keys, Want(MODEL, thread=7), 0.0)
        for _ in range(BUSY_FOR_THREAD + 1):
            assert lease(keys, 0.0, Want(MODEL, thread=7)).key is mine

        assert lease(keys, 0.0, Want(MODEL, thread=7)).key is not mine

    def test_only_if_it_may(self) -> None:
        """Where that key rests, another one serves, and is preferred from then on."""
        keys = pool(3, dialect=Dialect.TARGON)
        mine = served(keys, Want(MODEL, thread=7), 0.0)
        keys.give_back(lease(keys, 0.0, Want(MODEL, thread=7)), Throttled(10.0), 0.0)
        other = served(keys, Want(MODEL, thread=7), 1.0)

        assert other is not mine
        assert served(keys, Want(MODEL, thread=7), 20.0) is other

    def test_failing_is_not_serving(self) -> None:
        """A key that failed at a conversation is not preferred by it."""
        keys = pool(3)
        first = lease(keys, 0.0, Want(MODEL, thread=7))
        keys.give_back(first, FAULT, 0.0)

        assert served(keys, Want(MODEL, thread=7), 0.0) is not first.key

    def test_only_so_many_are_remembered(self) -> None:
        """So many that spoke last are remembered, up to as many more, and no others."""
        keys, last = pool(3), 3 * THREADS // 2
        by = [served(keys, Want(MODEL, thread=thread), 0.0) for thread in range(THREADS)]
        assert served(keys, Want(MODEL, thread=0), 0.0) is by[0]  # it speaks again, and is among the last
        for thread in range(THREADS, last):
            served(keys, Want(MODEL, thread=thread), 0.0)
        assert served(keys, Want(MODEL, thread=THREADS - 1), 0.0) is by[THREADS - 1]
        end = last + 2 * THREADS
        for thread in range(last, end):
            served(keys, Want(MODEL, thread=thread), 0.0)

        known = {**keys._earlier, **keys._threads}
        assert set(range(end - THREADS, end)) <= known.keys() <= set(range(end - 2 * THREADS, end))


class VacancyTests:
    """Why nobody may serve, and when somebody will."""

    def test_first_to_return(self) -> None:
        """Of two accounts that cool, the one that is back first."""
        keys = pool(3, dialect=Dialect.TARGON)
        outcomes: list[Outcome] = [Throttled(20.0), Throttled(8.0), Exhausted()]
        for number, outcome in enumerate(outcomes):
            keys.give_back(lease_of(keys, number, 0.0), outcome, 0.0)
        vacancy = keys.vacancy(MODEL, 1.0)

        assert vacancy.back == 8.0
        assert vacancy.states == {"cooling": 2, "exhausted": 1}

    def test_for_one_model(self) -> None:
        """Where the account cools for one model, its keys are cooling for that one only."""
        keys = pool(1)
        keys.give_back(lease(keys, 0.0), Throttled(20.0), 0.0)

        assert keys.vacancy(MODEL, 1.0).states == {"cooling": 1}
        assert keys.vacancy("other", 1.0).states == {"usable": 1}
        assert keys.vacancy(MODEL, 1.0).back == 20.0

    def test_behind_a_breaker(self) -> None:
        """Usable keys do not help before the model is tried again."""
        keys = pool(2)
        keys.give_back(lease(keys, 0.0), ModelFault(), 0.0)

        assert keys.vacancy(MODEL, 1.0).back == 30.0
        assert keys.vacancy(MODEL, 1.0).states == {"usable": 2}

    def test_time_alone_brings_none(self) -> None:
        """A suspect waits for a probe, not for a time."""
        keys = pool(1)
        keys.give_back(lease(keys, 0.0), Barred(), 0.0)

        assert keys.vacancy(MODEL, 1.0).back is None

    def test_is_as_fresh_as_the_last_change(self) -> None:
        """What was concluded a moment ago does not outlive a change."""
        keys = pool(1, dialect=Dialect.TARGON)
        held = [lease(keys, 0.0) for _ in range(2)]
        assert keys.vacancy(MODEL, 0.0).back == 0.0
        keys.give_back(held[0], Throttled(5.0), 0.1)
        assert keys.vacancy(MODEL, 0.1).back == 5.1
        keys.give_back(held[1], Throttled(9.0), 0.2)

        assert keys.vacancy(MODEL, 0.2).back == 9.2
