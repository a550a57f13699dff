# Restarts this machine; the answer is sent before it goes down.
Restart-Computer -Force
