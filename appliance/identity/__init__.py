"""Who a host page says its visitor is: read only behind a signature, never from what somebody types."""
