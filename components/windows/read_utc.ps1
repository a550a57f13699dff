# This machine's clock, in UTC.
(Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ss.fff')
