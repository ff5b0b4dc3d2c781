"""Tests of limits: buckets refill, pauses double, keys are independent and memory is bounded."""

from dialogue_gym.live.rate_limit import Backoff, RateLimiter, TokenBucket


def test_bucket_refills_steadily_and_never_above_its_size() -> None:
    """Two uses in a minute: a third has to wait half a minute, and a long rest gives two again."""
    bucket = TokenBucket(2, 60.0)
    for now in (100.0, 100.0):
        assert bucket.wait(now) == 0
        bucket.use(now)
    assert bucket.wait(100.0) == 30 and bucket.wait(115.0) == 15 and bucket.wait(130.0) == 0
    bucket.use(130.0)
    assert bucket.wait(130.0) == 30
    for now in (1000.0, 1000.0):
        assert bucket.wait(now) == 0
        bucket.use(now)
    assert bucket.wait(1000.0) == 30


def test_pauses_double_after_the_free_uses() -> None:
    """Three wrong passwords: 1 s; each further one twice as long, and never longer than the bound."""
    backoff = Backoff(free=3, longest=300.0)
    pauses = []
    for _ in range(2000):
        backoff.use(50.0)
        pauses.append(backoff.wait(50.0))
    assert pauses[:6] == [0, 0, 1, 2, 4, 8] and max(pauses) == pauses[-1] == 300
    assert backoff.wait(349.0) == 1 and backoff.wait(351.0) == 0


def test_negative_clock_makes_nobody_wait() -> None:
    """A monotonic clock may begin anywhere."""
    assert Backoff().wait(-5.0) == 0 and TokenBucket(1, 60.0).wait(-5.0) == 0


def test_keys_are_independent_and_can_be_forgotten() -> None:
    """One sender's uses are not another's; forgetting gives a fresh allowance."""
    limiter = RateLimiter(lambda: TokenBucket(1, 60.0), clock=lambda: 7.0)
    assert limiter.wait("ann") == 0 and len(limiter) == 0  # asking alone takes no memory
    limiter.use("ann")
    assert limiter.wait("ann") == 60 and limiter.wait("bob") == 0
    limiter.forget("ann")
    limiter.forget("nobody")
    assert limiter.wait("ann") == 0


def test_memory_is_bounded_and_the_quietest_key_is_forgotten() -> None:
    """Of three keys the one that did nothing for longest goes, even one that only asked stays."""
    limiter = RateLimiter(lambda: TokenBucket(1, 60.0), capacity=2, clock=lambda: 7.0)
    limiter.use("ann")
    limiter.use("bob")
    assert limiter.wait("ann") == 60
    limiter.use("eve")
    assert len(limiter) == 2
    assert [limiter.wait(key) for key in ("ann", "bob", "eve")] == [60, 0, 60]
