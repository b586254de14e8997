"""/api/config/effective."""

from amqpbroker.server.config.settings import SETTINGS
from tests.helpers.management import api


async def test_every_setting_is_told() -> None:
    async with api(heartbeat_s=17) as (_, client):
        told = (await client.get("/api/config/effective")).json()
        assert set(told) == {row.name for row in SETTINGS}
        assert (told["heartbeat_s"], told["memory"], told["profile"]) == (17, True, "4.2")


async def test_no_secret_is_told() -> None:
    async with api(tls_key_password="hunter2") as (_, client):
        answer = await client.get("/api/config/effective")
        assert "hunter2" not in answer.text
        assert answer.json()["tls_key_password"] == "<hidden>"
        assert "'guest', 'guest'" not in answer.text and "guest:guest" not in answer.text


async def test_it_is_administrators() -> None:
    async with api() as (server, client):
        server.broker.users.set("eve", password="secret", tags=("monitoring",))
        assert (await client.get("/api/config/effective", auth=("eve", "secret"))).status_code == 401
