#include "schema/wall.h"

#include "schema/database.h"

namespace cpm::schema {

namespace {

constexpr Query kHeld{"wall_held",
                      "select not (r.rolsuper or r.rolbypassrls) from pg_roles r where r.rolname = current_user"};

}  // namespace

Result<bool> wall_holds(Database& database) {
  constexpr std::chrono::seconds kPatience{30};
  return database.run_blocking(
      kPatience, [](Transaction& tx) -> Result<bool> { return tx.exec(kHeld)[0][0].as<bool>(); }, Mode::reads);
}

}  // namespace cpm::schema
