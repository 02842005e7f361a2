"""redis-om: models in hashes, without an index (which would need a module)."""

import os

from check import URL, check, version

os.environ["REDIS_OM_URL"] = URL
from redis_om import HashModel, NotFoundError  # noqa: E402

version("redis-om")


class Customer(HashModel, index=True):
    name: str
    age: int


@check("models are saved, read, changed and deleted")
def _():
    ada = Customer(name="Ada", age=36)
    ada.save()
    assert Customer.get(ada.pk).name == "Ada"
    ada.age = 37
    ada.save()
    ada.expire(100)
    assert Customer.get(ada.pk).age == 37
    assert ada.pk in list(Customer.all_pks())
    Customer.delete(ada.pk)
    try:
        Customer.get(ada.pk)
    except NotFoundError:
        return
    raise AssertionError("is still there")
