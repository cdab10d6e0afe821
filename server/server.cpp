#include "server/server.h"

#include "base/log.h"
#include "schema/migrate.h"
#include "schema/wall.h"
#include "server/certificate.h"
#include "server/data_directory.h"
#include "server/embedded.h"
#include "server/http.h"
#include "server/io_threads.h"
#include "server/listener.h"
#include "server/metrics.h"
#include "server/node.h"
#include "server/pages.h"
#include "server/push/dispatcher.h"
#include "server/signals.h"
#include "server/tls.h"
#include "server/upkeep.h"
#include "server/user.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <mutex>
#include <optional>
#include <thread>

namespace cpm::server {

namespace {

using namespace std::chrono_literals;

constexpr auto kPoll = 20ms;
constexpr auto kCancelPatience = 5s;        // for sessions that were cut off to notice it
constexpr std::size_t kOwnConnections = 4;  // beside the pool: change feed, upkeep, cpmctl
constexpr rlim_t kOtherDescriptors = 200;   // files that are not connections

std::size_t threads_or_cores(std::size_t configured) {
  return configured != 0 ? configured : std::max(1U, std::thread::hardware_concurrency());
}

void raise_descriptor_limit(const Limits& limits) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  const rlim_t wanted = limits.connections + kOtherDescriptors;
  if (files.rlim_max < wanted) {
    const rlimit more{wanted, wanted};
    if (::setrlimit(RLIMIT_NOFILE, &more) == 0) return;  // root may
  }
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur >= wanted) return;
  log::info("server", "fewer files may be open than limits.connections would need (ulimit -n, LimitNOFILE=)",
            {{"may", std::to_string(files.rlim_cur)}, {"needs", std::to_string(wanted)}});
}

std::string shown(const std::string& address) { return address.empty() ? "-" : address; }

// Does something unless it is destroyed in time. What it does runs on a thread of its own.
class Late {
 public:
  Late(std::chrono::milliseconds patience, std::function<void()> first, std::function<void()> then)
      : thread_([this, patience, first = std::move(first), then = std::move(then)] {
          if (wait(patience)) return;
          first();
          if (!wait(patience)) then();
        }) {}
  ~Late() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  Late(const Late&) = delete;
  Late& operator=(const Late&) = delete;

 private:
  bool wait(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, patience, [this] { return over_; });
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  bool over_ = false;  // protected by mutex_
  std::thread thread_;
};

class Server {
 public:
  Server(Config config, const std::function<Result<Config>()>& reload)
      : config_(std::move(config)),
        reload_(reload),
        threads_(threads_or_cores(config_.server.threads)),
        listener_(threads_, config_.limits, metrics_),
        http_(threads_.first(), config_.limits) {}

  Result<void> run() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);  // until the server is up: nothing to reload yet
    CPM_TRY(registry, imap::Registry::build(config_.imap_disable));
    // While still root: the limit of files, the directory's owner, ports below 1024. Everything else as the
    // unprivileged user.
    raise_descriptor_limit(config_.limits);
    CPM_TRY(user, choose_user(config_.database.run_as));
    CPM_TRY(directory, prepare_data_directory(config_.data, user));
    directory_ = directory;
    CPM_CHECK(listener_.open(config_.imap_listen, ListenerKind::imap));
    CPM_CHECK(listener_.open(config_.imaps_listen, ListenerKind::imaps));
    CPM_CHECK(http_.open(config_.http_listen));
    CPM_CHECK(become(user));
    const auto lock = DirectoryLock::take(directory_, user);
    if (!lock) return lock.error();
    CPM_TRY(auth, auth_settings(config_));
    CPM_TRY(context, load_tls(config_.tls));
    TlsSource tls(context);
    CPM_TRY(push_parts, push::Dispatcher::prepare(config_));
    CPM_CHECK(prepare_spool());
    CPM_CHECK(start_database(user));
    Node node(config_, directory_, std::move(registry), std::move(auth), metrics_, url_);
    CPM_CHECK(schema::migrate(node.db()));
    CPM_TRY(walled, schema::wall_holds(node.db()));
    if (!walled) {
      log::warn(
          "database",
          "the login of database.url is a superuser or has BYPASSRLS: PostgreSQL does not keep accounts apart for "
          "it; rights are checked by the server alone");
    }
    const std::string token = random_token();
    CPM_CHECK(write_run_files(token));
    Pages pages(node, embedded_.get(), stopping_, token);
    Signals signals({[&] { reload(node, tls); },
                     [&]() -> std::optional<std::chrono::milliseconds> {
                       if (!embedded_ || database_done_) return std::nullopt;
                       return embedded_->tend();
                     }});
    push::Dispatcher push(config_, std::move(push_parts), url_, metrics_.push());
    node.observe({[&push](AccountId account, MailboxId mailbox) { push.changed(account, mailbox); },
                  [&push] { push.all_changed(); }});
    node.start();
    push.start();
    threads_.start();
    std::optional<Late> late;
    auto started = start_listening(node, tls, pages);
    if (started) {
      const Upkeep upkeep(node.db(), upkeep_settings(node));
      say_ready();
      signals.wait_for_stop();
      stopping_ = true;
      listener_.stop();
      end_sessions(node, signals);
      // A database that hangs must not keep the threads that wait for it.
      late.emplace(
          kCancelPatience, [this] { let_go_of_database(); }, [this] { leave("threads"); });
    }
    http_.stop();
    threads_.stop();
    push.stop();
    node.stop();
    late.reset();
    stop_database(signals);
    ::unlink((directory_ + "/run.json").c_str());
    log::info("server", "stopped");
    return started;
  }

 private:
  Result<std::shared_ptr<const TlsContext>> load_tls(const Config::Tls& configured) const {
    TlsFiles files{configured.certificate, configured.key, configured.client_ca, configured.client_identity,
                   configured.minimum};
    if (files.certificate.empty()) {
      CPM_TRY(own, self_made_certificate(directory_));
      files.certificate = own.certificate;
      files.key = own.key;
    }
    return TlsContext::load(files);
  }

  Result<void> prepare_spool() const {
    const std::string spool = directory_ + "/spool";
    if (::mkdir(spool.c_str(), 0700) != 0 && errno != EEXIST) {
      return fail(Failure::denied, "cannot make " + spool + ": " + std::strerror(errno));
    }
    return {};
  }

  Result<void> start_database(const User& user) {
    url_ = config_.database.url;
    if (!url_.empty()) return {};
    EmbeddedSettings settings;
    settings.directory = directory_;
    settings.bin_dir = config_.database.bin_dir;
    settings.connections = config_.database.connections + kOwnConnections + push::Dispatcher::kConnections;
    settings.shared_buffers = config_.database.shared_buffers;
    settings.start_timeout = config_.database.start_timeout;
    settings.stop_timeout = config_.database.stop_timeout;
    settings.user = user;
    CPM_TRY(embedded, EmbeddedPostgres::start(settings));
    embedded_ = std::move(embedded);
    url_ = embedded_->url();
    return {};
  }

  UpkeepSettings upkeep_settings(Node& node) {
    UpkeepSettings settings;
    settings.sweep_every = config_.sweep.interval;
    settings.sweep = {
        config_.cpm_roots, config_.sweep.batch, config_.sweep.messages, false, {}, config_.audit.keep.count() > 0,
        node_name()};
    settings.changed = [&node](AccountId account, MailboxId mailbox) { node.hub().changed(account, mailbox); };
    settings.seal_every = config_.audit.seal;
    settings.audit_keep = config_.audit.keep;
    settings.undelete_keep = config_.undelete_keep;
    settings.convert_cache_octets = config_.limits.convert_cache_octets;
    settings.cached = [&node](std::uint64_t octets, std::uint64_t removed) {
      if (node.conversions() != nullptr) node.conversions()->note_cache(octets, removed);
    };
    settings.swept = [this](std::uint64_t aged, std::uint64_t deleted) { metrics_.swept(aged, deleted); };
    return settings;
  }

  // For cpmctl. A configured URL may hold a password and is known to it anyway.
  Result<void> write_run_files(const std::string& token) const {
    const nlohmann::json running = {{"process", ::getpid()},
                                    {"database", embedded_ ? url_ : ""},
                                    {"http", http_.address()},
                                    {"imap", listener_.address(ListenerKind::imap)},
                                    {"imaps", listener_.address(ListenerKind::imaps)}};
    CPM_CHECK(write_file(directory_ + "/admin.token", token + "\n"));
    return write_file(directory_ + "/run.json", running.dump(2) + "\n");
  }

  Result<void> start_listening(Node& node, const TlsSource& tls, Pages& pages) {
    CPM_CHECK(http_.start([&pages](HttpRequest request) { return pages.answer(std::move(request)); }));
    return listener_.start(
        &tls, [&node](std::unique_ptr<Stream> stream, ListenerKind) { return node.serve(std::move(stream)); });
  }

  void say_ready() const {
    const std::string imap = shown(listener_.address(ListenerKind::imap));
    const std::string imaps = shown(listener_.address(ListenerKind::imaps));
    const std::string http = shown(http_.address());
    std::cout << "ready imap=" << imap << " imaps=" << imaps << " http=" << http << std::endl;
    log::info("server", "ready", {{"imap", imap}, {"imaps", imaps}, {"http", http}});
  }

  // What may change at run time: log settings, certificates, token keys. What does not load leaves the old in force.
  void reload(Node& node, TlsSource& tls) {
    auto fresh = reload_();
    if (!fresh) {
      log::error("server", "configuration not reloaded, the old one stays", {{"why", fresh.error().text}});
      return;
    }
    log::configure(fresh->log);
    for (std::size_t i = 0; i < fresh->settings.size() && i < config_.settings.size(); ++i) {
      const auto& setting = fresh->settings[i];
      if (setting.reloadable || setting.value == config_.settings[i].value) continue;
      log::warn("server", "this setting changes at the next start only", {{"key", setting.key}});
    }
    if (auto context = load_tls(fresh->tls); context) {
      tls.replace(*context);
    } else {
      log::error("server", "certificate not reloaded, the old one stays", {{"why", context.error().text}});
    }
    if (auto auth = auth_settings(*fresh); auth) {
      node.authenticator().set_tokens(auth->tokens);
    } else {
      log::error("server", "token keys not reloaded, the old ones stay", {{"why", auth.error().text}});
    }
    log::info("server", "reloaded");
  }

  bool wait_for_sessions(Signals& signals, std::chrono::steady_clock::time_point until,
                         const std::function<bool()>& on) {
    while (listener_.connections() > 0) {
      if (std::chrono::steady_clock::now() >= until || !on()) return false;
      std::this_thread::sleep_for(kPoll);
      signals.poll();
    }
    return true;
  }

  // Every session is told BYE and may end what it does, but for conversions, which are broken off; then it is cut off.
  // What still hangs in the database after that is let go by stopping it; nothing acknowledged is lost, an open
  // transaction is rolled back.
  void end_sessions(Node& node, Signals& signals) {
    node.stop_converting();
    const auto now = [] { return std::chrono::steady_clock::now(); };
    const bool ended = wait_for_sessions(signals, now() + config_.limits.drain_timeout, [&] {
      node.sessions().terminate_all("Server is shutting down");
      return signals.stop_requests() < 2;
    });
    if (ended) return;
    log::info("server", "cutting off sessions", {{"number", std::to_string(listener_.connections())}});
    const auto cut = [&] {
      listener_.cancel_all();
      return true;
    };
    if (wait_for_sessions(signals, now() + kCancelPatience, cut)) return;
    stop_database(signals);
    if (wait_for_sessions(signals, now() + kCancelPatience, cut)) return;
    leave("sessions");
  }

  void let_go_of_database() {
    log::warn("server", "the database does not answer while the server stops");
    database_done_ = true;
    if (embedded_) embedded_->stop();
  }

  [[noreturn]] void leave(const char* what) {
    log::warn("server", "leaving what does not end", {{"what", what}});
    ::unlink((directory_ + "/run.json").c_str());
    std::cout.flush();
    std::_Exit(0);
  }

  void stop_database(Signals& signals) {
    database_done_ = true;
    if (!embedded_) return;
    embedded_->stop([&] {
      signals.poll();
      return signals.stop_requests() > 1;
    });
  }

  const Config config_;
  const std::function<Result<Config>()>& reload_;
  std::string directory_;
  std::string url_;
  Metrics metrics_;
  IoThreads threads_;
  Listener listener_;
  HttpServer http_;
  std::unique_ptr<EmbeddedPostgres> embedded_;
  bool database_done_ = false;
  std::atomic<bool> stopping_{false};
};

}  // namespace

Result<void> run_server(Config config, const std::function<Result<Config>()>& reload) {
  return Server(std::move(config), reload).run();
}

}  // namespace cpm::server
