-- The resource providers of a name in the portal's stores. Runs in Microsoft.MgmtSvc.Store.
SELECT COUNT(*) AS registered FROM mp.ResourceProviders WHERE Name = ?;
