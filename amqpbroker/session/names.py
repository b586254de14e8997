"""Names as clients send them."""


def clean(name: str) -> str:
    """Without the line breaks that RabbitMQ strips from names."""
    return name.replace("\n", "").replace("\r", "")
