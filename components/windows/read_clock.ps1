# This machine's clock.
(Get-Date).ToString('yyyy-MM-ddTHH:mm:ss.fff')
