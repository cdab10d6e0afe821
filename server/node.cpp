#include "server/node.h"

#include "imap/auth/token_verifier.h"
#include "server/adaptation.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

namespace cpm::server {

namespace {

constexpr std::size_t kCpuQueue = 10000;

imap::Settings imap_settings(const Config& config, const std::string& directory) {
  imap::Settings settings;
  settings.allow_plaintext = config.auth.allow_plaintext;
  settings.disabled = config.imap_disable;
  settings.spool_directory = directory + "/spool";
  settings.history_roots = config.cpm_roots;
  settings.containment = config.cpm_containment;
  settings.quota_set_by_owner = config.quota_set_by_owner;
  settings.server_name = config.server.name;
  settings.language = config.server.language;
  settings.server_admin = config.server.admin;
  settings.server_comment = config.server.comment;
  settings.trace = config.trace_protocol;
  settings.url_hosts = config.url.hosts;
  settings.url_applications = config.url.applications;
  using Told = imap::Settings::UrlMechanisms;
  settings.url_mechanisms = config.url.mechanisms == "always"  ? Told::always
                            : config.url.mechanisms == "never" ? Told::never
                                                               : Told::protected_only;
  settings.record = {config.audit.keep.count() > 0, config.audit.logins, config.audit.refused,
                     config.undelete_keep.count() > 0, node_name()};
  return settings;
}

std::size_t cpu_threads(const Config& config) {
  return config.server.cpu_threads != 0 ? config.server.cpu_threads : std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

std::string node_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) return "pid " + std::to_string(::getpid());
  return std::string(host.data()) + ":" + std::to_string(::getpid());
}

Result<imap::auth::Settings> auth_settings(const Config& config) {
  imap::auth::Settings settings;
  settings.mechanisms = config.auth.mechanisms;
  settings.cache = config.auth.cache;
  settings.lockout.name_failures = config.auth.lockout_address_failures;
  settings.lockout.network_failures = config.auth.lockout_peer_failures;
  settings.lockout.window = config.auth.lockout_window;
  settings.lockout.lock_time = config.auth.lockout_time;
  if (!config.auth.oauth.keys.empty()) {
    imap::auth::TokenSettings tokens;
    tokens.key_files = {config.auth.oauth.keys};
    tokens.algorithms = config.auth.oauth.algorithms;
    tokens.issuer = config.auth.oauth.issuer;
    tokens.audience = config.auth.oauth.audience;
    tokens.claim = config.auth.oauth.claim;
    tokens.leeway = config.auth.oauth.leeway;
    CPM_TRY(verifier, imap::auth::TokenVerifier::load(tokens));
    settings.tokens = std::move(verifier);
  }
  return settings;
}

Node::Node(const Config& config, const std::string& directory, imap::Registry registry, imap::auth::Settings auth,
           Metrics& metrics, const std::string& url)
    : limits_(config.limits),
      settings_(imap_settings(config, directory)),
      registry_(std::move(registry)),
      db_(schema::DatabaseSettings{url, config.database.connections, config.database.prepare, 10000,
                                   config.database.deposits_together}),
      snapshots_(limits_.snapshot_octets),
      cpu_("cpu", cpu_threads(config), kCpuQueue),
      authenticator_(db_, cpu_, std::move(auth)),
      adapter_(make_adapter(config)),
      conversions_(adapter_ == nullptr ? nullptr
                                       : std::make_unique<imap::Conversions>(
                                             *adapter_, db_, limits_,
                                             [&metrics](const imap::ConversionEvent& e) { metrics.conversion(e); })),
      services_{limits_,        settings_, registry_, db_, snapshots_,        hub_,
                authenticator_, cpu_,      sessions_, {},  conversions_.get()},
      feed_(url, {[this](AccountId account, MailboxId mailbox) {
                    hub_.remote(account, mailbox);
                    if (observer_.changed) observer_.changed(account, mailbox);
                  },
                  [this] {
                    hub_.all_changed();
                    if (observer_.lost) observer_.lost();
                  }}),
      metrics_(metrics) {
  services_.observe = [&metrics](std::string_view command, std::string_view result, std::chrono::nanoseconds time) {
    metrics.command(command, result, time);
  };
  hub_.set_publish([this](AccountId account, MailboxId mailbox) {
    feed_.publish(account, mailbox);
    if (observer_.changed) observer_.changed(account, mailbox);
  });
}

boost::asio::awaitable<void> Node::serve(std::unique_ptr<Stream> stream) {
  return imap::serve(services_, std::move(stream));
}

void Node::stop_converting() {
  if (adapter_) adapter_->stop();
}

void Node::stop() {
  feed_.stop();
  if (conversions_) conversions_->stop();
  stop_converting();
  cpu_.stop();
  db_.stop();
}

}  // namespace cpm::server
