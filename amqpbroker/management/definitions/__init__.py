"""All that is declared, as RabbitMQ's JSON document of it: out of a broker, and into one.

Nothing of this needs a web server: definitions are also loaded when the broker starts.
"""
