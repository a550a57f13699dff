# Shuts this machine down, in order; the answer is sent before it goes.
shutdown.exe /s /f /t 2
if ($LASTEXITCODE) { throw "shutdown.exe ended with $LASTEXITCODE." }
