"""The tokens in the webhooks' URLs, computed independently of the product."""

import hashlib
import hmac


def token_of(instance, master):
    """The token of an instance (docs/rules/api.md#webhooks)."""
    return hmac.new(master.encode(), instance.encode(), hashlib.sha256).hexdigest()
