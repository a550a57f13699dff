// Runs the statements of every client test and prints what they gave as JSON.
const { Connection, Request, TYPES } = require('tedious');

const [host, password] = process.argv.slice(2);
const connection = new Connection({
  server: host,
  authentication: { type: 'default', options: { userName: 'sa', password } },
  options: { encrypt: true, trustServerCertificate: true, connectTimeout: 10000, requestTimeout: 1000 },
});

function run(text, parameters = []) {
  return new Promise((resolve, reject) => {
    const rows = [];
    const request = new Request(text, (error) => (error ? reject(error) : resolve(rows)));
    for (const [name, type, value] of parameters) request.addParameter(name, type, value);
    request.on('row', (columns) => rows.push(columns.map((column) => column.value)));
    connection.execSql(request);
  });
}

connection.connect(async (error) => {
  if (error) throw error;
  const found = {};
  found.one = (await run('select 1'))[0][0];
  found.parameter = (await run('select name from sys.databases where database_id = @id', [['id', TYPES.Int, 1]]))[0][0];
  found.rows = (await run('select name, database_id, create_date, is_read_only, source_database_id from sys.databases')).length;
  found.error = await run('select 1/0').catch((failure) => `${failure.number} ${failure.message}`);
  const began = Date.now();
  found.cancelled = await run("waitfor delay '00:20:00'").then(() => false, () => Date.now() - began < 10000);
  found.after = (await run('select 2'))[0][0];
  console.log(JSON.stringify(found));
  connection.close();
});
