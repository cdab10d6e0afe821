#include "server/metrics.h"

#include "base/log.h"
#include "base/spool.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace cpm::server {

namespace {

const prometheus::Histogram::BucketBoundaries kSeconds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                          0.1,    0.25,  0.5,    1,     2.5,  10,    60};

void line(std::ostringstream& out, const char* name, const char* kind, const char* help, double value) {
  out << std::setprecision(17) << "# HELP " << name << ' ' << help << "\n# TYPE " << name << ' ' << kind << '\n'
      << name << ' ' << value << '\n';
}

// One family with a value for each sink of push.
template <class Value>
void sinks(std::ostringstream& out, const char* name, const char* kind, const char* help, Value value) {
  out << "# HELP " << name << ' ' << help << "\n# TYPE " << name << ' ' << kind << '\n';
  for (const auto& [sink, label] :
       {std::pair{schema::PushSink::webhook, "webhook"}, std::pair{schema::PushSink::pap, "pap"}}) {
    out << name << "{sink=\"" << label << "\"} " << value(sink) << '\n';
  }
}

void push_lines(std::ostringstream& out, push::Stats& stats) {
  using schema::PushSink;
  sinks(out, "cpmstore_push_delivered_total", "counter", "Events that receivers took, by sink",
        [&](PushSink sink) { return stats.of(sink).delivered.load(); });
  sinks(out, "cpmstore_push_failed_total", "counter", "Requests that receivers did not take",
        [&](PushSink sink) { return stats.of(sink).failed.load(); });
  sinks(out, "cpmstore_push_dead_total", "counter", "Events that became dead letters",
        [&](PushSink sink) { return stats.of(sink).dead.load(); });
  const auto backlog = stats.backlog();
  const auto of = [&](PushSink sink) {
    const auto at = std::find_if(backlog.begin(), backlog.end(), [&](const auto& one) { return one.sink == sink; });
    return at == backlog.end() ? schema::PushBacklog{} : *at;
  };
  sinks(out, "cpmstore_push_queues", "gauge", "Queues of events that wait (of all nodes, 5000 at most)",
        [&](PushSink sink) { return of(sink).queues; });
  sinks(out, "cpmstore_push_queues_failing", "gauge", "Of these, after a failure",
        [&](PushSink sink) { return of(sink).failing; });
  sinks(out, "cpmstore_push_queue_age_seconds", "gauge", "Age of the oldest event that waits",
        [&](PushSink sink) { return of(sink).oldest.count(); });
}

void adapt_lines(std::ostringstream& out, const imap::Conversions& conversions) {
  const auto counts = conversions.counts();
  line(out, "cpmstore_conversion_cache_hits_total", "counter", "Conversions answered by what is kept",
       static_cast<double>(counts.hits));
  line(out, "cpmstore_conversion_cache_misses_total", "counter", "Conversions that were made",
       static_cast<double>(counts.misses));
  line(out, "cpmstore_conversion_shared_total", "counter", "Conversions that another asker was having made already",
       static_cast<double>(counts.shared));
  line(out, "cpmstore_conversion_cache_evicted_total", "counter", "Results removed to keep within the bounds",
       static_cast<double>(counts.evicted));
  line(out, "cpmstore_conversion_cache_octets", "gauge", "Octets of results that are kept, of all accounts",
       static_cast<double>(counts.kept));
  line(out, "cpmstore_conversion_memory_octets", "gauge", "Octets of parts and results in memory",
       static_cast<double>(counts.memory));
  line(out, "cpmstore_conversions_running", "gauge", "Conversions asked for and not answered",
       static_cast<double>(counts.running));
  const adapt::AdapterStatus workers = conversions.adapter().status();
  line(out, "cpmstore_adapt_workers", "gauge", "Media workers", static_cast<double>(workers.workers.size()));
  line(out, "cpmstore_adapt_waiting", "gauge", "Conversions that wait for a worker",
       static_cast<double>(workers.waiting));
  line(out, "cpmstore_adapt_tasks_total", "counter", "Conversions given to workers",
       static_cast<double>(workers.tasks));
  line(out, "cpmstore_adapt_crashes_total", "counter", "Workers that died of a conversion",
       static_cast<double>(workers.crashes));
  line(out, "cpmstore_adapt_timeouts_total", "counter", "Workers ended because a conversion took too long",
       static_cast<double>(workers.timeouts));
  line(out, "cpmstore_adapt_recycled_total", "counter", "Workers replaced after adapt.jobs conversions",
       static_cast<double>(workers.recycled));
  out << "# HELP cpmstore_adapt_refused_total Conversions that workers refused, by reason\n"
         "# TYPE cpmstore_adapt_refused_total counter\n";
  for (const auto& [why, number] : workers.refused) {
    out << "cpmstore_adapt_refused_total{reason=\"" << adapt::refusal_name(why) << "\"} " << number << '\n';
  }
}

std::size_t locked_now(const imap::auth::Authenticator& authenticator) {
  const auto entries = authenticator.lockouts();
  const auto locked = [](const imap::auth::LockoutEntry& entry) { return entry.locked_for.count() > 0; };
  return static_cast<std::size_t>(std::count_if(entries.begin(), entries.end(), locked));
}

}  // namespace

Metrics::Metrics()
    : connections_(prometheus::BuildCounter()
                       .Name("cpmstore_connections_total")
                       .Help("Connections accepted")
                       .Register(registry_)),
      refused_(prometheus::BuildCounter()
                   .Name("cpmstore_connections_refused_total")
                   .Help("Connections refused by a limit")
                   .Register(registry_)),
      swept_(prometheus::BuildCounter()
                 .Name("cpmstore_swept_messages_total")
                 .Help("Messages removed by a retention policy, by reason")
                 .Register(registry_)),
      commands_(prometheus::BuildCounter()
                    .Name("cpmstore_commands_total")
                    .Help("IMAP commands by name and result")
                    .Register(registry_)),
      command_seconds_(prometheus::BuildHistogram()
                           .Name("cpmstore_command_seconds")
                           .Help("Time to answer an IMAP command")
                           .Register(registry_)),
      conversions_(prometheus::BuildCounter()
                       .Name("cpmstore_conversions_total")
                       .Help("Conversions asked for, by media types and result: converted, kept, shared, or why not")
                       .Register(registry_)),
      conversion_seconds_(prometheus::BuildHistogram()
                              .Name("cpmstore_conversion_seconds")
                              .Help("Time of a conversion that was not kept, waiting included")
                              .Register(registry_)),
      conversion_octets_(prometheus::BuildCounter()
                             .Name("cpmstore_conversion_octets_total")
                             .Help("Octets of results of conversions, kept ones included")
                             .Register(registry_)) {
  for (const char* reason : {"limit", "tls"}) refused_.Add({{"reason", reason}});
  for (const char* reason : {"age", "deleted"}) swept_.Add({{"reason", reason}});
}

void Metrics::connection_accepted(std::string_view listener) {
  connections_.Add({{"listener", std::string(listener)}}).Increment();
}

void Metrics::connection_refused(std::string_view reason) {
  refused_.Add({{"reason", std::string(reason)}}).Increment();
}

void Metrics::swept(std::uint64_t aged, std::uint64_t deleted) {
  swept_.Add({{"reason", "age"}}).Increment(static_cast<double>(aged));
  swept_.Add({{"reason", "deleted"}}).Increment(static_cast<double>(deleted));
}

void Metrics::command(std::string_view name, std::string_view result, std::chrono::nanoseconds time) {
  std::string key(name);
  key += ' ';
  key += result;
  Command known{};
  {
    const std::lock_guard lock(mutex_);
    const auto at = known_.find(key);
    if (at != known_.end()) {
      known = at->second;
    } else {
      known.counter = &commands_.Add({{"command", std::string(name)}, {"result", std::string(result)}});
      known.seconds = &command_seconds_.Add({{"command", std::string(name)}}, kSeconds);
      known_.emplace(std::move(key), known);
    }
  }
  known.counter->Increment();
  known.seconds->Observe(std::chrono::duration<double>(time).count());
}

// Both media types are of the table of conversions, so that there is a bound to the names.
void Metrics::conversion(const imap::ConversionEvent& event) {
  const prometheus::Labels pair = {{"source", event.source}, {"target", event.target}};
  conversions_.Add({{"source", event.source}, {"target", event.target}, {"result", event.result}}).Increment();
  conversion_octets_.Add(pair).Increment(static_cast<double>(event.octets));
  const double seconds = std::chrono::duration<double>(event.time).count();
  if (event.result == "converted") conversion_seconds_.Add(pair, kSeconds).Observe(seconds);
  const std::lock_guard lock(mutex_);
  ConversionCount& count = converted_[event.source + " " + event.target + " " + event.result];
  if (count.number == 0) count = {event.source, event.target, event.result, 0, 0};
  ++count.number;
  count.seconds += seconds;
}

std::vector<Metrics::ConversionCount> Metrics::conversions() const {
  std::vector<ConversionCount> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, count] : converted_) out.push_back(count);
  return out;
}

std::string Metrics::text(const Sources& sources) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, registry_.Collect());
  line(out, "cpmstore_sessions", "gauge", "IMAP sessions now", static_cast<double>(sources.sessions.size()));
  line(out, "cpmstore_database_reachable", "gauge", "1 when the database answers", sources.db.reachable() ? 1 : 0);
  line(out, "cpmstore_database_connections", "gauge", "Database connections",
       static_cast<double>(sources.db.settings().connections));
  line(out, "cpmstore_database_queued", "gauge", "Jobs waiting for a database connection",
       static_cast<double>(sources.db.queued()));
  line(out, "cpmstore_cpu_queued", "gauge", "Jobs waiting for a CPU thread", static_cast<double>(sources.cpu.queued()));
  const imap::SnapshotCache::Size snapshots = sources.snapshots.size();
  line(out, "cpmstore_snapshot_messages", "gauge", "Messages in the mailbox snapshots",
       static_cast<double>(snapshots.messages));
  line(out, "cpmstore_snapshot_mailboxes", "gauge", "Mailboxes with a snapshot",
       static_cast<double>(snapshots.mailboxes));
  line(out, "cpmstore_snapshot_bytes", "gauge", "Memory of the mailbox snapshots (limits.snapshot_octets)",
       static_cast<double>(snapshots.octets));
  line(out, "cpmstore_spool_octets", "gauge", "Octets in spool files", static_cast<double>(Spool::disk_in_use()));
  line(out, "cpmstore_received_octets_total", "counter", "Octets from clients", static_cast<double>(traffic_.received));
  line(out, "cpmstore_sent_octets_total", "counter", "Octets to clients", static_cast<double>(traffic_.sent));
  const log::Counts lines = log::counts();
  line(out, "cpmstore_errors_total", "counter", "Errors logged", static_cast<double>(lines.errors));
  line(out, "cpmstore_warnings_total", "counter", "Warnings logged", static_cast<double>(lines.warnings));
  const auto logins = sources.authenticator.statistics();
  line(out, "cpmstore_logins_accepted_total", "counter", "Logins accepted", static_cast<double>(logins.accepted));
  line(out, "cpmstore_logins_refused_total", "counter", "Logins refused: wrong credentials",
       static_cast<double>(logins.refused));
  line(out, "cpmstore_logins_unauthorized_total", "counter", "Logins refused: not authorized to act for the identity",
       static_cast<double>(logins.unauthorized));
  line(out, "cpmstore_logins_locked_total", "counter", "Logins refused unseen because of a lock-out",
       static_cast<double>(logins.locked));
  line(out, "cpmstore_lockouts", "gauge", "Names and networks locked out now",
       static_cast<double>(locked_now(sources.authenticator)));
  push_lines(out, push_);
  if (sources.conversions != nullptr) adapt_lines(out, *sources.conversions);
  return out.str();
}

}  // namespace cpm::server
