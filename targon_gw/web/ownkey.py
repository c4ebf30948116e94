"""What a client is told of its own key: the fields that OpenRouter's `GET /key` has, and ours beside them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from targon_gw.core.allowance import Overview, QuotaShown
from targon_gw.core.config import Unit
from targon_gw.core.prices import usd


def told_of(seen: Overview) -> dict[str, Any]:
    """The `data` of the answer. Money is in USD, moments are ISO 8601, UTC; what there is none of is null."""
    quota = seen.quota
    in_usd = quota is not None and quota.unit is Unit.USD
    rate = seen.limits.requests_per_minute
    return {
        "label": seen.label,
        "usage": seen.usage,
        "usage_daily": seen.usage_daily,
        "usage_weekly": seen.usage_weekly,
        "usage_monthly": seen.usage_monthly,
        "limit": usd(quota.limit) if quota is not None and in_usd else None,
        "limit_remaining": usd(quota.remaining) if quota is not None and in_usd else None,
        "limit_reset": quota.per.value if quota is not None and in_usd else None,
        "is_free_tier": False,
        "rate_limit": None if rate is None else {"requests": rate, "interval": "60s"},
        "requests": seen.requests,
        "tokens": {
            "prompt": seen.prompt,
            "completion": seen.completion,
            "total": seen.prompt + seen.completion,
            "estimated": seen.estimated,
        },
        "in_flight": seen.in_flight,
        "quota": None if quota is None else _quota(quota),
    }


def _quota(quota: QuotaShown) -> dict[str, Any]:
    def figure(amount: int) -> int | float:
        return usd(amount) if quota.unit is Unit.USD else amount

    return {
        "unit": quota.unit.value,
        "per": quota.per.value,
        "limit": figure(quota.limit),
        "used": figure(quota.used),
        "held": figure(quota.held),
        "remaining": figure(quota.remaining),
        "resets_at": None if quota.resets_at is None else datetime.fromtimestamp(quota.resets_at, UTC).isoformat(),
    }
