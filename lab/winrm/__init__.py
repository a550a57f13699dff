"""WS-Management of the lab's machines: Windows Remote Management 3.0 of Windows Server 2012, HTTPS listener."""
