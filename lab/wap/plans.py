"""Plans and their services in the REST interface: ``mp.Plans`` and ``mp.PlanServices``."""

from __future__ import annotations

import json
import secrets
import string

from lab.sql.api import Session
from lab.wap import providers
from lab.wap.database import run
from lab.wap.rest import ApiError, Json, RestCall, reply
from lab.world import Response


def _plan(session: Session, row: Json) -> Json:
    services = run(
        session,
        "SELECT [ServiceName], [InstanceId], [ConfigState], [Settings] FROM [mp].[PlanServices] WHERE [PlanId] = @id",
        id=row["PlanId"],
    )
    names = {(p["Name"], p["InstanceId"]): p for p in providers.all_of(session)}
    quotas = [
        {
            "ServiceName": s["ServiceName"],
            "ServiceInstanceId": s["InstanceId"],
            "ServiceDisplayName": names.get((s["ServiceName"], s["InstanceId"]), {}).get("DisplayName"),
            "ServiceInstanceDisplayName": names.get((s["ServiceName"], s["InstanceId"]), {}).get("InstanceDisplayName"),
            "ConfigState": s["ConfigState"],
            "QuotaSyncState": 0,
            "Settings": json.loads(s["Settings"] or "[]"),
        }
        for s in services
    ]
    configured = bool(quotas) and all(quota["ConfigState"] == 1 for quota in quotas)
    return {
        "Id": row["PlanId"],
        "DisplayName": row["DisplayName"],
        "State": row["State"],
        "ConfigState": int(configured),
        "QuotaSyncState": row["QuotaSyncState"],
        "LastErrorMessage": None,
        "Advertisements": [{"LanguageCode": "en-us", "DisplayName": row["DisplayName"], "Description": None}],
        "ServiceQuotas": quotas,
        "SubscriptionCount": 0,
        "MaxSubscriptionsPerAccount": row["MaxSubscriptionsPerAccount"],
        "AddOnReferences": [],
        "AddOns": [],
        "InvitationCode": row["InvitationCode"],
        "Price": row["Price"],
    }


_PLAN = (
    "SELECT [PlanId], [DisplayName], [State], [QuotaSyncState], [MaxSubscriptionsPerAccount], [InvitationCode], [Price]"
    " FROM [mp].[Plans]"
)


def _plan_row(session: Session, plan_id: str) -> Json:
    rows = run(session, _PLAN + " WHERE [PlanId] = @id", id=plan_id)
    if not rows:
        raise ApiError(404, "PlanNotFound", f"The plan '{plan_id}' was not found.")
    return rows[0]


def list_plans(call: RestCall) -> Response:
    return reply([_plan(call.session, row) for row in run(call.session, _PLAN + " ORDER BY [DisplayName]")])


def get_plan(call: RestCall, plan_id: str) -> Response:
    return reply(_plan(call.session, _plan_row(call.session, plan_id)))


def _plan_values(body: Json) -> Json:
    name = str(body.get("DisplayName") or "").strip()
    if not name:
        raise ApiError(400, "InvalidInput", "A plan needs a display name.")
    maximum = body.get("MaxSubscriptionsPerAccount")
    return {
        "name": name,
        "state": int(body.get("State") or 0),
        "maximum": 1 if maximum is None else int(maximum),
        "code": body.get("InvitationCode"),
        "price": body.get("Price"),
    }


def create_plan(call: RestCall) -> Response:
    values = _plan_values(call.body())
    if run(call.session, "SELECT [PlanId] FROM [mp].[Plans] WHERE [DisplayName] = @name", name=values["name"]):
        raise ApiError(409, "PlanAlreadyExists", f"A plan with the name '{values['name']}' already exists.")
    letters = "".join(character for character in values["name"] if character.isascii() and character.isalnum())[:5]
    random = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
    run(
        call.session,
        """INSERT INTO [mp].[Plans]
    ([PlanId], [DisplayName], [State], [QuotaSyncState], [MaxSubscriptionsPerAccount], [InvitationCode], [Price])
    VALUES (@id, @name, @state, 0, @maximum, @code, @price)""",
        id=letters + random,
        **values,
    )
    return reply(_plan(call.session, _plan_row(call.session, letters + random)), 201)


def update_plan(call: RestCall, plan_id: str) -> Response:
    _plan_row(call.session, plan_id)
    values = _plan_values(call.body())
    taken = run(call.session, "SELECT [PlanId] FROM [mp].[Plans] WHERE [DisplayName] = @name", name=values["name"])
    if any(row["PlanId"].lower() != plan_id.lower() for row in taken):
        raise ApiError(409, "PlanAlreadyExists", f"A plan with the name '{values['name']}' already exists.")
    run(
        call.session,
        """UPDATE [mp].[Plans] SET [DisplayName] = @name, [State] = @state, [MaxSubscriptionsPerAccount] = @maximum,
    [InvitationCode] = @code, [Price] = @price WHERE [PlanId] = @id""",
        id=plan_id,
        **values,
    )
    return reply(_plan(call.session, _plan_row(call.session, plan_id)))


def delete_plan(call: RestCall, plan_id: str) -> Response:
    _plan_row(call.session, plan_id)
    run(call.session, "DELETE FROM [mp].[PlanServices] WHERE [PlanId] = @id", id=plan_id)
    run(call.session, "DELETE FROM [mp].[Plans] WHERE [PlanId] = @id", id=plan_id)
    return Response(200)


def add_service(call: RestCall, plan_id: str) -> Response:
    plan_id = _plan_row(call.session, plan_id)["PlanId"]
    body = call.body()
    name, instance = str(body.get("Name") or ""), str(body.get("InstanceId") or "")
    provider = providers.find(call.session, name, instance)
    if provider is None:
        raise ApiError(
            404, "ResourceProviderNotFound", f"No resource provider '{name}' with the instance '{instance}'."
        )
    present = run(
        call.session,
        "SELECT [PlanId] FROM [mp].[PlanServices] WHERE [PlanId] = @id AND [ServiceName] = @name",
        id=plan_id,
        name=provider["Name"],
    )
    if present:
        raise ApiError(409, "PlanServiceAlreadyExists", f"The plan already has the service '{name}'.")
    run(
        call.session,
        """INSERT INTO [mp].[PlanServices] ([PlanId], [ServiceName], [InstanceId], [ConfigState], [Settings])
    VALUES (@id, @name, @instance, 0, '[]')""",
        id=plan_id,
        name=provider["Name"],
        instance=provider["InstanceId"],
    )
    return reply({"Name": provider["Name"], "InstanceId": provider["InstanceId"], "ConfigState": 0}, 201)


def remove_service(call: RestCall, plan_id: str, name: str) -> Response:
    _plan_row(call.session, plan_id)
    where = "FROM [mp].[PlanServices] WHERE [PlanId] = @id AND [ServiceName] = @name"
    if not run(call.session, "SELECT [PlanId] " + where, id=plan_id, name=name):
        raise ApiError(404, "PlanServiceNotFound", f"The plan has no service '{name}'.")
    run(call.session, "DELETE " + where, id=plan_id, name=name)
    return Response(200)


def update_quota(call: RestCall, plan_id: str) -> Response:
    plan = _plan_row(call.session, plan_id)
    if call.request.query.get("sync", "").lower() == "true":
        run(call.session, "UPDATE [mp].[Plans] SET [QuotaSyncState] = 0 WHERE [PlanId] = @id", id=plan_id)
        return reply(_plan(call.session, plan), 202)
    for quota in call.body().get("ServiceQuotas", []):
        values = {"id": plan_id, "name": quota.get("ServiceName"), "instance": quota.get("ServiceInstanceId")}
        where = " WHERE [PlanId] = @id AND [ServiceName] = @name AND [InstanceId] = @instance"
        if not run(call.session, "SELECT [PlanId] FROM [mp].[PlanServices]" + where, **values):  # noqa: S608 - constants
            raise ApiError(404, "PlanServiceNotFound", f"The plan has no service '{values['name']}'.")
        run(
            call.session,
            "UPDATE [mp].[PlanServices] SET [ConfigState] = 1, [Settings] = @settings" + where,  # noqa: S608
            settings=json.dumps(quota.get("Settings", [])),
            **values,
        )
    return reply(_plan(call.session, plan))
