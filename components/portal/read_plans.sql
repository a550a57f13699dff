-- The plans of a name in the portal's stores. Runs in Microsoft.MgmtSvc.Store.
SELECT PlanId AS plan_id FROM mp.Plans WHERE DisplayName = ?;
