"""The databases that the portal's configuration makes, for the release to manufacturing and for Windows Azure Pack."""

DATABASES = (
    "Microsoft.MgmtSvc.Config",
    "Microsoft.MgmtSvc.PortalConfigStore",
    "Microsoft.MgmtSvc.Store",
    "Microsoft.MgmtSvc.Usage",
    "Microsoft.MgmtSvc.WebAppGallery",
)
