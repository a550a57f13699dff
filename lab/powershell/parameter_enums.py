"""The enumerations that parameters of cmdlets have as their type, and their members.

Source: "Accepted values" of Microsoft's help of each cmdlet and the .NET class library. Keys are the types as the table
of cmdlets writes them, in lower case. Numbers of members are not known: a number for such a parameter is not modelled.
"""

from __future__ import annotations

FLAGS = frozenset(
    ["commandtypes", "psmembertypes", "psmemberviewtypes", "scopeditemoptions", "profile", "eventlogentrytype"]
)
"""Types whose members may be combined: a list of them, or a text with commas."""
MEMBERS: dict[str, tuple[str, ...]] = {
    name: tuple(members.split())
    for name, members in {
        # NetSecurity
        "action": "NotConfigured Allow Block",
        "authentication": "NotRequired Required NoEncap",
        "direction": "Inbound Outbound",
        "dynamictransport": "Any ProximityApps ProximitySharing",
        "edgetraversal": "Block Allow DeferToUser DeferToApp",
        "enabled": "True False",
        "encryption": "NotRequired Required Dynamic",
        "interfacetype": "Any Wired Wireless RemoteAccess",
        "policystoretype": "None Local GroupPolicy Dynamic Generated Hardcoded",
        "primarystatus": "Unknown OK Inactive Error",
        "profile": "Any Domain Private Public NotApplicable",
        # SmbShare
        "availabilitytype": "NonClustered Clustered ScaleOut CSV DFS",
        "cachingmode": "None Manual Documents Programs BranchCache Unknown",
        "folderenumerationmode": "AccessBased Unrestricted",
        "sharestate": "Pending Online Offline",
        # NetworkLoadBalancingClusters
        "clustermode": "Unicast Multicast IgmpMulticast",
        "nodeinitialhoststate": "Started Stopped Suspended",
        "portruleaffinity": "None Single Network",
        "portrulefilteringmode": "Multiple Single Disabled",
        "portruleprotocol": "Both Tcp Udp",
        # ScheduledTasks
        "compatibilityenum": "At V1 Vista Win7 Win8",
        "logontypeenum": "None Password S4U Interactive Group ServiceAccount InteractiveOrPassword",
        "multipleinstancesenum": "Parallel Queue IgnoreNew",
        "processtokensidtypeenum": "None Unrestricted Default",
        "runlevelenum": "Limited Highest",
        "dayofweek": "Sunday Monday Tuesday Wednesday Thursday Friday Saturday",
        # Microsoft.PowerShell.*
        "authenticationlevel": "Default None Connect Call Packet PacketIntegrity PacketPrivacy Unchanged",
        "authenticationmechanism": "Default Basic Negotiate NegotiateWithImplicitCredential Credssp Digest Kerberos",
        "commandtypes": "Alias Function Filter Cmdlet ExternalScript Application Script Workflow All",
        "consolecolor": "Black DarkBlue DarkGreen DarkCyan DarkRed DarkMagenta DarkYellow Gray DarkGray Blue Green "
        "Cyan Red Magenta Yellow White",
        "displayhinttype": "Date Time DateTime",
        "errorcategory": "NotSpecified OpenError CloseError DeviceError DeadlockDetected InvalidArgument InvalidData "
        "InvalidOperation InvalidResult InvalidType MetadataError NotImplemented NotInstalled ObjectNotFound "
        "OperationStopped OperationTimeout SyntaxError ParserError PermissionDenied ResourceBusy ResourceExists "
        "ResourceUnavailable ReadError WriteError FromStdErr SecurityError ProtocolError ConnectionError "
        "AuthenticationError LimitsExceeded QuotaExceeded NotEnabled",
        "eventlogentrytype": "Error Warning Information SuccessAudit FailureAudit",
        "executionpolicyscope": "Process CurrentUser LocalMachine UserPolicy MachinePolicy",
        "filesystemcmdletproviderencoding": "Unknown String Unicode Byte BigEndianUnicode UTF8 UTF7 UTF32 Ascii "
        "Default Oem BigEndianUTF32",
        "impersonationlevel": "Default Anonymous Identify Impersonate Delegate",
        "language": "CSharp CSharpVersion3 CSharpVersion2 VisualBasic JScript",
        "outputassemblytype": "Library ConsoleApplication WindowsApplication",
        "psmembertypes": "AliasProperty CodeProperty Property NoteProperty ScriptProperty Properties PropertySet "
        "Method CodeMethod ScriptMethod Methods ParameterizedProperty MemberSet Event Dynamic All",
        "psmemberviewtypes": "Extended Adapted Base All",
        "scopeditemoptions": "None ReadOnly Constant Private AllScope Unspecified",
        "servicestartmode": "Automatic Manual Disabled",
        "sessionstateentryvisibility": "Public Private",
        "testpathtype": "Any Container Leaf",
        "waitforservicetypes": "Wmi WinRM PowerShell",
    }.items()
}
