"""The one way out for addresses that an operator configured: webhooks, desks, a CRM. Everything else stays inside."""
