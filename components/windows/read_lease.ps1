# The text of the lease on this machine and that of a maintenance, each empty where there is none, and this machine's clock
# (UTC).
@{
    text = "$(Get-KeptText 'Lease' 'Text')"
    maintenance = "$(Get-KeptText 'Marks' 'maintenance')"
    now = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ss')
}
