package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"time"

	_ "github.com/microsoft/go-mssqldb"
)

// main runs the statements of every client test and prints what they gave as JSON.
func main() {
	host, password := os.Args[1], os.Args[2]
	dsn := fmt.Sprintf("sqlserver://sa:%s@%s:1433?database=master&encrypt=true&TrustServerCertificate=true", password, host)
	db, err := sql.Open("sqlserver", dsn)
	if err != nil {
		panic(err)
	}
	db.SetMaxOpenConns(1)
	found := map[string]any{}
	var one int
	var name string
	fail(db.QueryRow("select 1").Scan(&one))
	found["one"] = one
	fail(db.QueryRow("select name from sys.databases where database_id = @p1", 1).Scan(&name))
	found["parameter"] = name
	var rows int
	cursor, err := db.Query("select name, database_id, create_date, is_read_only, source_database_id from sys.databases order by 2")
	fail(err)
	for cursor.Next() {
		rows++
	}
	fail(cursor.Err())
	found["rows"] = rows
	_, err = db.Exec("select 1/0")
	found["error"] = fmt.Sprint(err)
	context, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	began := time.Now()
	_, err = db.ExecContext(context, "waitfor delay '00:20:00'")
	found["cancelled"] = err != nil && time.Since(began) < 10*time.Second
	fail(db.QueryRow("select 2").Scan(&one))
	found["after"] = one
	json.NewEncoder(os.Stdout).Encode(found)
}

func fail(err error) {
	if err != nil {
		panic(err)
	}
}
