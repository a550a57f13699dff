"""What SQL Server 2012 has and the lab does not: a script that tests for existence must not get a false "no".

Sources: SQL Server 2012 documentation, "System Views" (``elsewhere_views``), "Built-in Functions", "System Stored
Procedures". Not complete for procedures.
"""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


INFORMATION_SCHEMA = words(
    "check_constraints column_domain_usage column_privileges columns constraint_column_usage "
    "constraint_table_usage domain_constraints domains key_column_usage parameters referential_constraints "
    "routines routine_columns schemata sequences table_constraints table_privileges tables view_column_usage "
    "view_table_usage views"
)
FUNCTIONS = words(
    "acos asin atan atn2 cos cot degrees exp log log10 pi radians sin square tan ascii char concat difference "
    "format nchar quotename replicate reverse soundex space str unicode eomonth datefromparts datetimefromparts "
    "datetime2fromparts datetimeoffsetfromparts smalldatetimefromparts timefromparts isdate switchoffset "
    "todatetimeoffset sysdatetimeoffset parse try_parse try_cast try_convert iif checksum_agg binary_checksum "
    "current_timestamp current_user session_user system_user user host_id context_info formatmessage getansinull "
    "isnumeric min_active_rowversion newsequentialid rowcount_big xact_state error_line error_procedure "
    "error_severity error_state connectionproperty original_db_name app_name columnproperty databasepropertyex "
    "filegroup_id filegroup_name filegroupproperty file_id file_idex file_name fileproperty "
    "fulltextcatalogproperty fulltextserviceproperty index_col indexkey_property indexproperty object_definition "
    "objectproperty objectpropertyex object_schema_name original_login parsename scope_identity stats_date "
    "typeproperty has_perms_by_name has_dbaccess is_member is_rolemember permissions pwdcompare pwdencrypt "
    "schema_id session_user suser_id asymkey_id asymkeyproperty cert_id certencoded certprivatekey certproperty "
    "decryptbyasymkey decryptbycert decryptbykey decryptbypassphrase encryptbyasymkey encryptbycert encryptbykey "
    "encryptbypassphrase crypt_gen_random key_guid key_id key_name signbycert symkeyproperty verifysignedbycert "
    "textptr textvalid cume_dist first_value lag last_value lead percentile_cont percentile_disc percent_rank "
    "ntile rank dense_rank row_number grouping grouping_id stdev stdevp var varp loginproperty patindex "
    "publishingservername applock_mode applock_test assemblyproperty object_name schema_name col_length type_id "
    "default_domain type_name ident_current user_id host_name fn_varbintohexstr sys.fn_varbintohexstr"
)
PROCEDURES = words(
    "sp_tables sp_columns sp_databases sp_fkeys sp_pkeys sp_server_info sp_special_columns sp_sproc_columns "
    "sp_statistics sp_stored_procedures sp_table_privileges sp_column_privileges sp_help sp_helpdb sp_helpdevice "
    "sp_helpfile sp_helpfilegroup sp_helpindex sp_helptext sp_helplogins sp_helpuser sp_helprole "
    "sp_helprolemember sp_helpsrvrole sp_helpsrvrolemember sp_helprotect sp_helpserver sp_helpconstraint "
    "sp_helptrigger sp_helpsort sp_help_job sp_help_jobhistory sp_who2 sp_lock sp_monitor sp_spaceused sp_rename "
    "sp_renamedb sp_depends sp_recompile sp_updatestats sp_createstats sp_attach_db sp_detach_db "
    "sp_attach_single_file_db sp_dboption sp_dbcmptlevel sp_addlogin sp_droplogin sp_adduser sp_dropuser "
    "sp_grantlogin sp_denylogin sp_revokelogin sp_grantdbaccess sp_revokedbaccess sp_password sp_defaultdb "
    "sp_defaultlanguage sp_change_users_login sp_addrole sp_droprole sp_addserver sp_dropserver "
    "sp_addlinkedserver sp_addlinkedsrvlogin sp_droplinkedsrvlogin sp_serveroption sp_setnetname sp_addmessage "
    "sp_dropmessage sp_altermessage sp_addumpdevice sp_dropdevice sp_delete_backuphistory sp_getapplock "
    "sp_releaseapplock sp_procoption sp_readerrorlog sp_cycle_errorlog sp_start_job sp_stop_job sp_update_job "
    "sp_add_jobstep sp_add_jobschedule sp_add_jobserver sp_send_dbmail sp_trace_create sp_xml_preparedocument "
    "sp_xml_removedocument sp_msforeachdb sp_msforeachtable xp_cmdshell xp_enumgroups xp_fixeddrives "
    "xp_grantlogin xp_loginconfig xp_logininfo xp_logevent xp_msver xp_revokelogin xp_sprintf xp_sscanf "
    "xp_create_subdir xp_delete_file xp_instance_regenumvalues xp_instance_regdeletevalue xp_instance_regenumkeys "
    "xp_regdeletekey xp_regdeletevalue xp_regenumvalues xp_regenumkeys xp_servicecontrol xp_enumerrorlogs "
    "xp_getnetname"
)
