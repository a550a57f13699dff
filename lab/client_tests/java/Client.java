import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** Runs the statements of every client test and prints what they gave as JSON. */
class Client {
  public static void main(String[] arguments) throws SQLException {
    String url = "jdbc:sqlserver://" + arguments[0] + ":1433;encrypt=true;trustServerCertificate=true;loginTimeout=10";
    try (Connection connection = DriverManager.getConnection(url, "sa", arguments[1]);
        Statement statement = connection.createStatement()) {
      int one = number(statement, "select 1");
      String name;
      try (PreparedStatement prepared = connection.prepareStatement("select name from sys.databases where database_id = ?")) {
        prepared.setInt(1, 1);
        ResultSet found = prepared.executeQuery();
        found.next();
        name = found.getString(1);
      }
      int rows = 0;
      ResultSet all = statement.executeQuery("select name, database_id, create_date, is_read_only, source_database_id from sys.databases");
      while (all.next()) {
        rows++;
      }
      String error = "";
      try {
        number(statement, "select 1/0");
      } catch (SQLException failure) {
        error = failure.getErrorCode() + " " + failure.getMessage();
      }
      boolean cancelled = false;
      long began = System.currentTimeMillis();
      statement.setQueryTimeout(1);
      try {
        statement.execute("waitfor delay '00:20:00'");
      } catch (SQLException failure) {
        cancelled = System.currentTimeMillis() - began < 10000;
      }
      statement.setQueryTimeout(0);
      int after = number(statement, "select 2");
      System.out.printf(
          "{\"one\": %d, \"parameter\": \"%s\", \"rows\": %d, \"error\": \"%s\", \"cancelled\": %b, \"after\": %d}%n",
          one, name, rows, error.replace("\"", "'"), cancelled, after);
    }
  }

  private static int number(Statement statement, String text) throws SQLException {
    ResultSet found = statement.executeQuery(text);
    found.next();
    return found.getInt(1);
  }
}
