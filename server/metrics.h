// Metrics in Prometheus' text form (/metrics): sessions, commands by name and result with latency, logins, database.
// Runs on: any thread; prometheus-cpp has its own synchronisation.
#pragma once

#include "imap/auth/authenticator.h"
#include "imap/session/conversions.h"
#include "imap/session/session_list.h"
#include "imap/session/snapshot.h"
#include "schema/database.h"
#include "server/connection_stream.h"
#include "server/push/stats.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace cpm::server {

class Metrics {
 public:
  Metrics();

  void connection_accepted(std::string_view listener);
  void connection_refused(std::string_view reason);
  [[nodiscard]] Traffic& traffic() { return traffic_; }
  [[nodiscard]] push::Stats& push() { return push_; }
  void swept(std::uint64_t aged, std::uint64_t deleted);  // messages that retention policies removed
  void command(std::string_view name, std::string_view result, std::chrono::nanoseconds time);

  void conversion(const imap::ConversionEvent& event);

  struct ConversionCount {
    std::string source, target, result;
    std::uint64_t number = 0;
    double seconds = 0;  // all of them together
  };
  [[nodiscard]] std::vector<ConversionCount> conversions() const;

  struct Sources {
    const imap::SessionList& sessions;
    const schema::Database& db;
    const imap::SnapshotCache& snapshots;
    const imap::auth::Authenticator& authenticator;
    const Pool& cpu;
    const imap::Conversions* conversions;  // null: there is no worker program
  };
  [[nodiscard]] std::string text(const Sources& sources);

 private:
  struct Command {
    prometheus::Counter* counter;
    prometheus::Histogram* seconds;
  };

  Traffic traffic_;
  push::Stats push_;
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& connections_;
  prometheus::Family<prometheus::Counter>& refused_;
  prometheus::Family<prometheus::Counter>& swept_;
  prometheus::Family<prometheus::Counter>& commands_;
  prometheus::Family<prometheus::Histogram>& command_seconds_;
  prometheus::Family<prometheus::Counter>& conversions_;
  prometheus::Family<prometheus::Histogram>& conversion_seconds_;
  prometheus::Family<prometheus::Counter>& conversion_octets_;
  mutable std::mutex mutex_;
  std::map<std::string, ConversionCount, std::less<>> converted_;  // protected by mutex_: "SOURCE TARGET RESULT"
  std::map<std::string, Command, std::less<>> known_;              // protected by mutex_: "NAME result"
};

}  // namespace cpm::server
