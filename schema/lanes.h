// Lanes: connections for the one small statement that most commands begin and end with (is the picture of the mailbox
// current?). The session's own thread sends it and waits for the answer together with everything else it waits for; no
// thread of the pool is woken, which costs more than the statement. A lane is a shortcut and nothing more: when none is
// free, or anything at all goes wrong, there is no answer and the caller takes Database::run, which knows about
// deadlines, lost databases and errors.
// Runs on: ask: any executor; connections are opened on a db thread.
#pragma once

#include "schema/binary_rows.h"
#include "schema/database.h"
#include "schema/query.h"
#include "schema/watchdog.h"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace cpm::schema {

class Lanes {
 public:
  // As many lanes as `watched`. `open_on(job)` runs a job on a db thread, or says false; it is asked for a new
  // connection while the database is reachable.
  Lanes(const DatabaseSettings& settings, std::vector<std::shared_ptr<Watched>> watched,
        std::function<bool(std::function<void()>)> open_on);
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // REQUIRES: a statement that only reads, a few rows by their key.
  boost::asio::awaitable<std::optional<BinaryRows>> ask(Wall wall, const Query& query,
                                                        pqxx::internal::params parameters);
  void stop();  // closes the connections that are free, and the others when they come back

 private:
  struct Lane;
  struct State;
  class Lease;

  const std::shared_ptr<State> state_;
};

}  // namespace cpm::schema
