// Node: everything that stands between the database being there and the last session being gone: the services that
// sessions use, made from the configuration.
// Runs on: made and stopped by the main thread; its parts say for themselves
// where they run.
#pragma once

#include "adapt/adapter.h"
#include "base/config.h"
#include "base/result.h"
#include "imap/auth/authenticator.h"
#include "imap/registry.h"
#include "imap/session/conversions.h"
#include "imap/session/session.h"
#include "imap/session/session_list.h"
#include "schema/change_feed.h"
#include "schema/database.h"
#include "server/metrics.h"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

namespace cpm::server {

// The `auth.*` keys; reads the token keys. The Error names the file.
[[nodiscard]] Result<imap::auth::Settings> auth_settings(const Config& config);

// How the record of changes names this node: HOST:PROCESS.
[[nodiscard]] std::string node_name();

class Node {
 public:
  Node(const Config& config, const std::string& directory, imap::Registry registry, imap::auth::Settings auth,
       Metrics& metrics, const std::string& url);

  boost::asio::awaitable<void> serve(std::unique_ptr<Stream> stream);
  void start() { feed_.start(); }
  // Before the sessions end: conversions that run or wait are refused for now, and so are new ones. Nobody waits for a
  // worker then.
  void stop_converting();
  void stop();  // after the last session
  // Who else is told of what is committed, by this node and by others: `changed` as ChangeFeed::Listener has it. Before
  // start().
  void observe(schema::ChangeFeed::Listener observer) { observer_ = std::move(observer); }

  schema::Database& db() { return db_; }
  imap::SessionList& sessions() { return sessions_; }
  imap::auth::Authenticator& authenticator() { return authenticator_; }
  Pool& cpu() { return cpu_; }
  imap::ChangeHub& hub() { return hub_; }
  [[nodiscard]] std::string metrics_text() {
    return metrics_.text({sessions_, db_, snapshots_, authenticator_, cpu_, conversions_.get()});
  }
  [[nodiscard]] Metrics& metrics() { return metrics_; }
  [[nodiscard]] imap::Conversions* conversions() { return conversions_.get(); }  // may be null

 private:
  const Limits limits_;
  const imap::Settings settings_;
  const imap::Registry registry_;
  schema::Database db_;
  imap::SnapshotCache snapshots_;
  imap::ChangeHub hub_;
  Pool cpu_;
  imap::auth::Authenticator authenticator_;
  imap::SessionList sessions_;
  std::unique_ptr<adapt::Adapter> adapter_;  // null: no worker program, and so is what follows
  std::unique_ptr<imap::Conversions> conversions_;
  imap::Services services_;
  schema::ChangeFeed::Listener observer_;
  schema::ChangeFeed feed_;
  Metrics& metrics_;
};

}  // namespace cpm::server
