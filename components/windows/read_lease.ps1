# The text of the lease on this machine, empty where there is none, and this machine's clock (UTC).
@{ text = "$(Get-KeptText 'Lease' 'Text')"; now = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ss') }
