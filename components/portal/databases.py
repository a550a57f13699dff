"""The databases that the portal's configuration makes, for the release to manufacturing and for Windows Azure Pack."""

CONFIG = "Microsoft.MgmtSvc.Config"
"""The one that everything else hangs on: passwords and keys of every feature, protected with the passphrase."""

DATABASES = (
    CONFIG,
    "Microsoft.MgmtSvc.PortalConfigStore",
    "Microsoft.MgmtSvc.Store",
    "Microsoft.MgmtSvc.Usage",
    "Microsoft.MgmtSvc.WebAppGallery",
)
