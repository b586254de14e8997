"""Programs with the names of RabbitMQ's, for scripts that call those: what they are asked, done with this broker.

Outputs are those of RabbitMQ 3.10, on which scripts rely, as are the exit codes. What cannot be done says so and ends
with 64.
"""
