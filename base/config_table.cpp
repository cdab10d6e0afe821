// The configuration table: every key of the product, in the order in which it is printed.
#include "base/config.h"

namespace cpm {

namespace {

using Value = ConfigKey::Value;
using Table = std::vector<ConfigKey>;

constexpr std::uint64_t kKilo = 1ULL << 10;
constexpr std::uint64_t kMega = 1ULL << 20;
constexpr std::uint64_t kGiga = 1ULL << 30;
constexpr std::uint64_t kDay = 24 * 3600;
constexpr bool kReloadable = true;

void text(Table& table, std::string key, std::string fallback, std::string help,
          std::function<std::string&(Config&)> field, bool reloadable = false) {
  table.push_back({std::move(key),
                   ValueType::text,
                   std::move(fallback),
                   0,
                   0,
                   {},
                   reloadable,
                   std::move(help),
                   [field](Config& config, const Value& value) { field(config) = value.text; }});
}

void choice(Table& table, std::string key, std::vector<std::string> choices, std::string fallback, std::string help,
            std::function<void(Config&, const std::string&)> store, bool reloadable = false) {
  table.push_back({std::move(key), ValueType::choice, std::move(fallback), 0, 0, std::move(choices), reloadable,
                   std::move(help), [store](Config& config, const Value& value) { store(config, value.text); }});
}

void flag(Table& table, std::string key, bool fallback, std::string help, std::function<bool&(Config&)> field) {
  table.push_back({std::move(key),
                   ValueType::flag,
                   fallback ? "true" : "false",
                   0,
                   0,
                   {},
                   false,
                   std::move(help),
                   [field](Config& config, const Value& value) { field(config) = value.flag; }});
}

void list(Table& table, std::string key, std::string fallback, std::vector<std::string> allowed, std::string help,
          std::function<std::vector<std::string>&(Config&)> field) {
  table.push_back({std::move(key), ValueType::list, std::move(fallback), 0, 0, std::move(allowed), false,
                   std::move(help), [field](Config& config, const Value& value) { field(config) = value.items; }});
}

void endpoints(Table& table, std::string key, std::string fallback, std::string help,
               std::function<std::vector<Endpoint>&(Config&)> field) {
  table.push_back({std::move(key),
                   ValueType::endpoints,
                   std::move(fallback),
                   0,
                   0,
                   {},
                   false,
                   std::move(help),
                   [field](Config& config, const Value& value) { field(config) = value.endpoints; }});
}

void number(Table& table, ValueType type, std::string key, std::uint64_t fallback, std::uint64_t minimum,
            std::uint64_t maximum, std::string help, std::function<void(Config&, std::uint64_t)> store) {
  const std::string shown = type == ValueType::size       ? format_size(fallback)
                            : type == ValueType::duration ? format_duration(fallback)
                                                          : std::to_string(fallback);
  table.push_back({std::move(key),
                   type,
                   shown,
                   minimum,
                   maximum,
                   {},
                   false,
                   std::move(help),
                   [store](Config& config, const Value& value) { store(config, value.number); }});
}

void duration(Table& table, std::string key, std::uint64_t fallback, std::uint64_t minimum, std::uint64_t maximum,
              std::string help, std::function<std::chrono::seconds&(Config&)> field) {
  number(table, ValueType::duration, std::move(key), fallback, minimum, maximum, std::move(help),
         [field](Config& config, std::uint64_t value) { field(config) = std::chrono::seconds(value); });
}

// limits.*: the defaults are those of base/limits.h.
template <class Int>
void limit(Table& table, ValueType type, const char* name, Int Limits::*field, std::uint64_t minimum,
           std::uint64_t maximum, const char* help) {
  number(table, type, std::string("limits.") + name, Limits{}.*field, minimum, maximum, help,
         [field](Config& config, std::uint64_t value) { config.limits.*field = static_cast<Int>(value); });
}

void limit(Table& table, const char* name, std::chrono::seconds Limits::*field, std::uint64_t minimum,
           std::uint64_t maximum, const char* help) {
  duration(table, std::string("limits.") + name, static_cast<std::uint64_t>((Limits{}.*field).count()), minimum,
           maximum, help, [field](Config& config) -> std::chrono::seconds& { return config.limits.*field; });
}

void network_keys(Table& t) {
  text(t, "data", "", "data directory: embedded database, self-made certificate, spool files",
       [](Config& c) -> std::string& { return c.data; });
  endpoints(t, "imap.listen", "127.0.0.1:1143", "HOST:PORT for IMAP with STARTTLS; port 0 picks one; empty: none",
            [](Config& c) -> std::vector<Endpoint>& { return c.imap_listen; });
  endpoints(t, "imaps.listen", "127.0.0.1:1993", "HOST:PORT for IMAP over TLS (RFC 8314); empty: none",
            [](Config& c) -> std::vector<Endpoint>& { return c.imaps_listen; });
  endpoints(t, "http.listen", "127.0.0.1:1180", "HOST:PORT for /healthz, /readyz and /metrics; empty: none",
            [](Config& c) -> std::vector<Endpoint>& { return c.http_listen; });
  list(t, "imap.disable", "", extension_names(), "extensions to switch off, by the names in docs/rfc-coverage.md",
       [](Config& c) -> std::vector<std::string>& { return c.imap_disable; });
  list(t, "account.mailboxes", "INBOX,Default", {}, "mailboxes that every new account starts with",
       [](Config& c) -> std::vector<std::string>& { return c.account_mailboxes; });
  list(t, "cpm.roots", "Default,cpmdefault", {}, "mailboxes whose children are conversation histories; empty: none",
       [](Config& c) -> std::vector<std::string>& { return c.cpm_roots; });
  flag(t, "cpm.containment", false,
       "refuse what does not belong into a history: a second session info, mailboxes below a session, messages in a "
       "root,"
       " messages moved out one by one",
       [](Config& c) -> bool& { return c.cpm_containment; });
  flag(t, "quota.set_by_owner", false,
       "users may change their own limits by SETQUOTA; services of the role full may in any case",
       [](Config& c) -> bool& { return c.quota_set_by_owner; });
  number(t, ValueType::number, "server.threads", 0, 0, 256, "threads that run sessions; 0: one per processor",
         [](Config& c, std::uint64_t v) { c.server.threads = v; });
  number(t, ValueType::number, "server.cpu_threads", 0, 0, 256,
         "threads for password hashing and other long calculations; 0: one per processor",
         [](Config& c, std::uint64_t v) { c.server.cpu_threads = v; });
  text(t, "server.name", "cpmstore", "the name that the server gives itself in the greeting",
       [](Config& c) -> std::string& { return c.server.name; });
  choice(t, "server.language", {"i-default", "en", "de"}, "i-default",
         "the language of clients that ask for \"default\" (RFC 5255); others begin with i-default, which is English",
         [](Config& c, const std::string& v) { c.server.language = v; });
  text(t, "server.admin", "",
       "how to reach the administrator, a URI as mailto:help@example.net: the annotation /shared/admin (RFC 5464)",
       [](Config& c) -> std::string& { return c.server.admin; });
  text(t, "server.comment", "",
       "a note about the server: its annotation /shared/comment, which users can then not change; empty: their own",
       [](Config& c) -> std::string& { return c.server.comment; });
}

void url_keys(Table& t) {
  list(t, "url.hosts", "", {}, "host names by which IMAP URLs may name this server (RFC 5092); empty: any",
       [](Config& c) -> std::vector<std::string>& { return c.url.hosts; });
  list(t, "url.applications", "", {},
       "services that may use URLs made for an application (RFC 5593): stream=SERVICE, one item for each service",
       [](Config& c) -> std::vector<std::string>& { return c.url.applications; });
  choice(t, "url.mechanisms", {"tls", "always", "never"}, "tls",
         "when the response code URLMECH is told (RFC 4467): only where nobody can listen, or whatever the connection",
         [](Config& c, const std::string& v) { c.url.mechanisms = v; });
}

void tls_keys(Table& t) {
  text(
      t, "tls.certificate", "",
      "PEM file with the certificate and its chain; empty: a self-made one in the data directory",
      [](Config& c) -> std::string& { return c.tls.certificate; }, kReloadable);
  text(
      t, "tls.key", "", "PEM file with the private key of tls.certificate",
      [](Config& c) -> std::string& { return c.tls.key; }, kReloadable);
  text(
      t, "tls.client_ca", "",
      "PEM file with the authorities of client certificates (AUTH=EXTERNAL); empty: not asked for",
      [](Config& c) -> std::string& { return c.tls.client_ca; }, kReloadable);
  choice(
      t, "tls.client_identity", {"email", "uri", "cn"}, "email",
      "what names the user in a client certificate: rfc822Name or URI of the subject's alternative names, or CN",
      [](Config& c, const std::string& v) { c.tls.client_identity = v; }, kReloadable);
  choice(
      t, "tls.minimum", {"1.2", "1.3"}, "1.2", "lowest TLS version",
      [](Config& c, const std::string& v) { c.tls.minimum = v; }, kReloadable);
}

void auth_keys(Table& t) {
  flag(t, "auth.allow_plaintext", false, "allow LOGIN and AUTHENTICATE PLAIN without TLS: for tests only",
       [](Config& c) -> bool& { return c.auth.allow_plaintext; });
  list(t, "auth.mechanisms", "PLAIN,LOGIN,SCRAM-SHA-256,SCRAM-SHA-256-PLUS,OAUTHBEARER,EXTERNAL",
       {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "OAUTHBEARER", "EXTERNAL"},
       "ways to authenticate that are offered; LOGIN is the LOGIN command",
       [](Config& c) -> std::vector<std::string>& { return c.auth.mechanisms; });
  duration(t, "auth.cache_seconds", 60, 0, kDay,
           "how long a verified password spares the next slow check; 0: not at all",
           [](Config& c) -> std::chrono::seconds& { return c.auth.cache; });
  number(t, ValueType::number, "auth.lockout_address_failures", 10, 0, 1000000,
         "failed logins of one address within auth.lockout_window that lock it; 0: never",
         [](Config& c, std::uint64_t v) { c.auth.lockout_address_failures = v; });
  number(t, ValueType::number, "auth.lockout_peer_failures", 100, 0, 1000000,
         "failed logins from one peer network within auth.lockout_window that lock it; 0: never",
         [](Config& c, std::uint64_t v) { c.auth.lockout_peer_failures = v; });
  duration(t, "auth.lockout_window", 600, 1, 7 * kDay, "time over which failed logins are counted",
           [](Config& c) -> std::chrono::seconds& { return c.auth.lockout_window; });
  duration(t, "auth.lockout_time", 300, 1, 7 * kDay, "how long a lock lasts",
           [](Config& c) -> std::chrono::seconds& { return c.auth.lockout_time; });
  text(t, "auth.oauth.keys", "", "file with the JWK set or the PEM public keys that sign tokens; empty: no OAUTHBEARER",
       [](Config& c) -> std::string& { return c.auth.oauth.keys; });
  text(t, "auth.oauth.issuer", "", "required value of the token's iss claim",
       [](Config& c) -> std::string& { return c.auth.oauth.issuer; });
  text(t, "auth.oauth.audience", "", "required value of the token's aud claim",
       [](Config& c) -> std::string& { return c.auth.oauth.audience; });
  list(t, "auth.oauth.algorithms", "RS256,ES256",
       {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"},
       "signature algorithms that are accepted",
       [](Config& c) -> std::vector<std::string>& { return c.auth.oauth.algorithms; });
  text(t, "auth.oauth.claim", "email", "claim that holds the user's address",
       [](Config& c) -> std::string& { return c.auth.oauth.claim; });
  duration(t, "auth.oauth.leeway", 30, 0, 3600, "clock difference that is forgiven in exp and nbf",
           [](Config& c) -> std::chrono::seconds& { return c.auth.oauth.leeway; });
}

void adapt_keys(Table& t) {
  flag(t, "adapt.enabled", true, "convert media (CONVERT) by worker processes; false: the capability is not shown",
       [](Config& c) -> bool& { return c.adapt.enabled; });
  text(t, "adapt.program", "", "the worker program; empty: cpmstore-adapt beside the server's own program",
       [](Config& c) -> std::string& { return c.adapt.program; });
  number(t, ValueType::number, "adapt.workers", 0, 0, 256, "worker processes; 0: half of the processors, at least one",
         [](Config& c, std::uint64_t v) { c.adapt.workers = v; });
  number(t, ValueType::size, "adapt.memory", 512 * kMega, 64 * kMega, 64 * kGiga, "memory that one worker may have",
         [](Config& c, std::uint64_t v) { c.adapt.memory = v; });
  number(t, ValueType::number, "adapt.pixels", 100'000'000, 10'000, 1'000'000'000,
         "pixels of a picture that is decoded; of a larger one nothing is read but its header",
         [](Config& c, std::uint64_t v) { c.adapt.pixels = v; });
  number(t, ValueType::number, "adapt.jobs", 200, 1, 1'000'000,
         "conversions of one worker, then a new one takes its place",
         [](Config& c, std::uint64_t v) { c.adapt.jobs = v; });
  number(t, ValueType::number, "adapt.queue", 1000, 1, 1'000'000,
         "conversions that wait for a worker; more are refused", [](Config& c, std::uint64_t v) { c.adapt.queue = v; });
}

void database_keys(Table& t) {
  text(t, "database.url", "",
       "PostgreSQL to use (postgresql://user@host/name); empty: a private one in the data directory",
       [](Config& c) -> std::string& { return c.database.url; });
  number(t, ValueType::number, "database.connections", 8, 1, 1000,
         "connections to the database, and threads that use them",
         [](Config& c, std::uint64_t v) { c.database.connections = v; });
  number(t, ValueType::number, "database.deposits_together", 64, 1, 1000,
         "deposits of one account that share a transaction when they wait for each other; 1: each by itself",
         [](Config& c, std::uint64_t v) { c.database.deposits_together = v; });
  flag(t, "database.prepare", true, "use prepared statements; false behind a pooler in transaction mode",
       [](Config& c) -> bool& { return c.database.prepare; });
  text(t, "database.bin_dir", "", "folder with initdb and postgres for the embedded database; empty: looked for",
       [](Config& c) -> std::string& { return c.database.bin_dir; });
  text(t, "database.run_as", "",
       "user that the server and its embedded database become when started as root; empty: postgres",
       [](Config& c) -> std::string& { return c.database.run_as; });
  number(t, ValueType::size, "database.shared_buffers", 0, 0, 256 * kGiga,
         "page cache of the embedded database; 0: a quarter of the memory, 128M to 2G",
         [](Config& c, std::uint64_t v) { c.database.shared_buffers = v; });
  duration(t, "database.start_timeout", 120, 1, kDay, "how long the embedded database may take to start or to recover",
           [](Config& c) -> std::chrono::seconds& { return c.database.start_timeout; });
  duration(t, "database.stop_timeout", 30, 1, 3600,
           "how long the embedded database may take to stop before it is hurried",
           [](Config& c) -> std::chrono::seconds& { return c.database.stop_timeout; });
}

void audit_keys(Table& t) {
  duration(t, "audit.keep", 400 * kDay, 0, 36'500 * kDay,
           "how long the record of changes is kept, by whole months; 0: nothing is recorded",
           [](Config& c) -> std::chrono::seconds& { return c.audit.keep; });
  flag(t, "audit.logins", true, "record log-ins and log-outs too, not only what is changed",
       [](Config& c) -> bool& { return c.audit.logins; });
  flag(t, "audit.refused", false,
       "record commands too that are refused with NOPERM or OVERQUOTA, some of a session each minute",
       [](Config& c) -> bool& { return c.audit.refused; });
  duration(t, "undelete.keep", 14 * kDay, 0, 3'650 * kDay,
           "how long what was expunged, or deleted with its mailbox, can be restored; 0: it cannot",
           [](Config& c) -> std::chrono::seconds& { return c.undelete_keep; });
  duration(t, "audit.seal", 5, 0, 3600,
           "seconds between rounds that seal the record against tampering; 0: this node takes no part",
           [](Config& c) -> std::chrono::seconds& { return c.audit.seal; });
}

void sweep_keys(Table& t) {
  duration(t, "sweep.interval", 3600, 0, 7 * kDay,
           "how often messages are looked for that a retention policy removes (cpmctl policy); 0: never by this node",
           [](Config& c) -> std::chrono::seconds& { return c.sweep.interval; });
  number(t, ValueType::number, "sweep.batch", 500, 1, 10'000, "messages that it removes in one transaction",
         [](Config& c, std::uint64_t v) { c.sweep.batch = v; });
  number(t, ValueType::number, "sweep.messages", 100'000, 1, 1'000'000'000,
         "messages that it removes from one account at a time; the rest goes the next time",
         [](Config& c, std::uint64_t v) { c.sweep.messages = v; });
}

void push_keys(Table& t) {
  flag(t, "push.enabled", true, "this node tells receivers of events (cpmctl push); what waits is told by any other",
       [](Config& c) -> bool& { return c.push.enabled; });
  list(t, "push.allow_networks", "", {},
       "private networks (10.1.0.0/16, 127.0.0.1/32, fd00::/8) whose hosts may be told, also by plain http; without "
       "them "
       "requests go to public addresses by https only",
       [](Config& c) -> std::vector<std::string>& { return c.push.allow_networks; });
  text(t, "push.ca", "", "PEM file with the authorities that certify receivers; empty: those of the system",
       [](Config& c) -> std::string& { return c.push.ca; });
  text(t, "push.pap_template", "",
       "file with the content that OMA Push sends to devices (docs/push.md); empty: an e-mail notification (EMN)",
       [](Config& c) -> std::string& { return c.push.pap_template; });
  text(t, "push.pap_type", "application/vnd.wap.emn+xml", "media type of that content",
       [](Config& c) -> std::string& { return c.push.pap_type; });
  number(t, ValueType::number, "push.concurrency", 64, 1, 10'000, "requests to receivers at a time",
         [](Config& c, std::uint64_t v) { c.push.concurrency = v; });
  number(t, ValueType::number, "push.per_target", 8, 1, 10'000, "of these to one scheme, host and port",
         [](Config& c, std::uint64_t v) { c.push.per_target = v; });
  duration(t, "push.timeout", 10, 1, 300, "how long a receiver may take to answer",
           [](Config& c) -> std::chrono::seconds& { return c.push.timeout; });
  duration(t, "push.retry_first", 5, 1, 3600,
           "about how long after a failure the next attempt is made; doubles each time",
           [](Config& c) -> std::chrono::seconds& { return c.push.retry_first; });
  duration(t, "push.retry_most", 900, 1, kDay, "the most that it grows to",
           [](Config& c) -> std::chrono::seconds& { return c.push.retry_most; });
  number(t, ValueType::number, "push.attempts", 100, 1, 100'000, "failed attempts that make an event a dead letter",
         [](Config& c, std::uint64_t v) { c.push.attempts = v; });
  duration(t, "push.most_age", kDay, 1, 30 * kDay, "age at which an event that cannot be told becomes one",
           [](Config& c) -> std::chrono::seconds& { return c.push.most_age; });
  duration(t, "push.dead_age", 14 * kDay, 1, 365 * kDay, "how long dead letters are kept",
           [](Config& c) -> std::chrono::seconds& { return c.push.dead_age; });
  number(t, ValueType::number, "push.breaker_failures", 5, 1, 10'000,
         "failures in a row after which a receiver is left alone for push.breaker_time",
         [](Config& c, std::uint64_t v) { c.push.breaker_failures = v; });
  duration(t, "push.breaker_time", 30, 1, 3600, "how long; then one request is tried",
           [](Config& c) -> std::chrono::seconds& { return c.push.breaker_time; });
}

void adapt_limits(Table& t) {
  using enum ValueType;
  limit(t, number, "convert_messages", &Limits::convert_messages, 1, 100'000,
        "messages of one CONVERT (MAXCONVERTMESSAGES of RFC 5259)");
  limit(t, number, "convert_parts", &Limits::convert_parts, 1, 1000, "body parts of one CONVERT (MAXCONVERTPARTS)");
  limit(t, size, "convert_octets", &Limits::convert_octets, kKilo, kGiga,
        "a part that is converted, without its transfer encoding");
  limit(t, "convert_deadline", &Limits::convert_deadline, 1, 600, "time for one conversion, waiting included");
  limit(t, size, "convert_account_octets", &Limits::convert_account_octets, 0, 64 * kGiga,
        "results of conversions of one account that are kept; 0: none are");
  limit(t, size, "convert_cache_octets", &Limits::convert_cache_octets, 0, 4096 * kGiga, "the same of all accounts");
  limit(t, size, "convert_memory_octets", &Limits::convert_memory_octets, kMega, 64 * kGiga,
        "parts and results of conversions that this node holds in memory; more wait");
  limit(t, number, "preview_lazy", &Limits::preview_lazy, 0, 60'000,
        "milliseconds that one FETCH PREVIEW (LAZY) may spend on previews that are not there yet");
}

log::Level to_level(const std::string& name) {
  if (name == "trace") return log::Level::trace;
  if (name == "debug") return log::Level::debug;
  if (name == "warn") return log::Level::warn;
  if (name == "error") return log::Level::error;
  if (name == "off") return log::Level::off;
  return log::Level::info;
}

void log_keys(Table& t) {
  choice(
      t, "log.format", {"text", "json"}, "text", "form of the log on standard error, one line an event",
      [](Config& c, const std::string& v) { c.log.json = v == "json"; }, kReloadable);
  choice(
      t, "log.level", {"trace", "debug", "info", "warn", "error", "off"}, "info", "lowest level that is written",
      [](Config& c, const std::string& v) { c.log.level = to_level(v); }, kReloadable);
  text(
      t, "log.areas", "", "levels of single areas, as imap=debug,db=warn",
      [](Config& c) -> std::string& { return c.log.area_levels; }, kReloadable);
  flag(t, "trace.protocol", false, "write the protocol of every session, without secrets and content, to the log",
       [](Config& c) -> bool& { return c.trace_protocol; });
}

void command_limits(Table& t) {
  using enum ValueType;
  limit(t, size, "line_octets", &Limits::line_octets, 8 * kKilo, 16 * kMega, "command line without literals");
  limit(t, size, "command_literal_octets", &Limits::command_literal_octets, 4 * kKilo, kGiga,
        "literals of one command other than messages");
  limit(t, number, "nesting", &Limits::nesting, 8, 1000, "parentheses within each other");
  limit(t, number, "set_ranges", &Limits::set_ranges, 16, 10'000'000, "ranges in one sequence set");
  limit(t, number, "search_keys", &Limits::search_keys, 8, 1'000'000, "keys in one SEARCH");
  limit(t, number, "fetch_items", &Limits::fetch_items, 8, 100'000, "items in one FETCH");
  limit(t, number, "multiappend_messages", &Limits::multiappend_messages, 1, 1'000'000, "messages in one APPEND");
  limit(t, number, "messages_per_command", &Limits::messages_per_command, 0, 1'000'000'000,
        "messages that one FETCH, SEARCH, STORE, COPY, MOVE, APPEND or UID EXPUNGE works on (MESSAGELIMIT of RFC 9738, "
        "at "
        "least 1000; clients that do not know it see the newest messages only); 0: no limit");
  limit(t, number, "messages_per_save", &Limits::messages_per_save, 0, 1'000'000'000,
        "messages that one COPY or APPEND stores (SAVELIMIT of RFC 9738, at least 1000); 0: no limit");
  limit(t, size, "pipelined_octets", &Limits::pipelined_octets, 4 * kKilo, 64 * kMega,
        "octets read ahead of the running command");
  limit(t, number, "bad_commands", &Limits::bad_commands, 1, 1'000'000,
        "bad commands in a row before the connection is closed");
  limit(t, number, "commands_before_login", &Limits::commands_before_login, 3, 1'000'000,
        "commands before login before the connection is closed");
}

void object_limits(Table& t) {
  using enum ValueType;
  limit(t, size, "message_octets", &Limits::message_octets, kKilo, 2047 * kMega, "one message (APPENDLIMIT)");
  limit(t, size, "keyword_octets", &Limits::keyword_octets, 16, kKilo, "name of one keyword");
  limit(t, number, "keywords_per_mailbox", &Limits::keywords_per_mailbox, 1, 100'000,
        "different keywords in one mailbox");
  limit(t, number, "mailboxes", &Limits::mailboxes, 2, 10'000'000, "mailboxes of one account");
  limit(t, number, "mailbox_depth", &Limits::mailbox_depth, 2, 1000, "levels of mailboxes within each other");
  limit(t, size, "mailbox_name_octets", &Limits::mailbox_name_octets, 64, 64 * kKilo, "a mailbox's whole name");
  limit(t, number, "subscriptions", &Limits::subscriptions, 2, 10'000'000, "subscribed names of one account");
  limit(t, size, "metadata_value_octets", &Limits::metadata_value_octets, kKilo, 16 * kMega, "one annotation");
  limit(t, size, "metadata_entry_octets", &Limits::metadata_entry_octets, 64, 2 * kKilo, "name of one annotation");
  limit(t, number, "metadata_entries", &Limits::metadata_entries, 10, 100'000,
        "annotations of one mailbox, message or of the server, of one user or shared");
  limit(t, number, "metadata_account_entries", &Limits::metadata_account_entries, 10, 1'000'000,
        "annotations of one account");
  limit(t, size, "metadata_account_octets", &Limits::metadata_account_octets, 16 * kKilo, 16 * kGiga,
        "names and values of annotations of one account: of its mailboxes, and again of its messages");
  limit(t, number, "push_subscriptions", &Limits::push_subscriptions, 1, 10'000,
        "devices of one account that are told of events");
  limit(t, number, "quota_roots", &Limits::quota_roots, 1, 1000, "quota roots of subtrees of one account");
  limit(t, number, "acl_entries", &Limits::acl_entries, 1, 100'000, "access control entries of one mailbox");
  limit(t, number, "acl_new_per_hour", &Limits::acl_new_per_hour, 1, 1'000'000,
        "new access control entries of one account within an hour");
  limit(t, number, "filter_depth", &Limits::filter_depth, 3, 100, "SEARCH filters that use each other");
  limit(t, number, "mime_parts", &Limits::mime_parts, 10, 1'000'000, "parts of one message that are told apart");
  limit(t, number, "mime_nesting", &Limits::mime_nesting, 4, 1000, "levels of parts within each other");
  limit(t, size, "header_octets", &Limits::header_octets, 4 * kKilo, 64 * kMega, "one header that is interpreted");
  limit(t, size, "search_text_octets", &Limits::search_text_octets, 0, 64 * kMega,
        "text of one message kept ready for SEARCH");
  limit(t, size, "chunk_octets", &Limits::chunk_octets, 4 * kKilo, 16 * kMega, "stored content in one row");
}

void session_limits(Table& t) {
  using enum ValueType;
  limit(t, size, "out_buffer_octets", &Limits::out_buffer_octets, 4 * kKilo, 16 * kMega,
        "responses gathered before a send");
  limit(t, size, "spool_memory_octets", &Limits::spool_memory_octets, 0, kGiga,
        "incoming literal kept in memory; above it a file");
  limit(t, size, "session_octets", &Limits::session_octets, kMega, 64 * kGiga,
        "memory that one session may hold for a command");
  limit(t, size, "sort_octets", &Limits::sort_octets, kMega, 2 * kGiga,
        "memory for the keys of one SORT or THREAD; some hundred octets a message");
  limit(t, number, "search_contexts", &Limits::search_contexts, 1, 10'000,
        "searches of one session that are kept up to date (UPDATE of RFC 5267)");
  limit(t, number, "notify_mailboxes", &Limits::notify_mailboxes, 1, kMega,
        "mailboxes that one NOTIFY may watch; beyond that it is refused, or ends, with NOTIFICATIONOVERFLOW");
  limit(t, "login_timeout", &Limits::login_timeout, 1, 3600, "time to authenticate");
  limit(t, "idle_timeout", &Limits::idle_timeout, 1, 7 * kDay,
        "silence of an authenticated client (RFC 9051 asks for at least 30 minutes)");
  limit(t, "idle_poll", &Limits::idle_poll, 1, 3600,
        "how often an idling session looks for changes by itself, should a wake-up be lost");
  limit(
      t, "view_rest", &Limits::view_rest, 0, 7 * kDay,
      "silence after which a session lets its picture of the mailbox go and keeps the UIDs alone, in ranges; the next "
      "command makes the picture anew");
  limit(t, "write_timeout", &Limits::write_timeout, 1, 3600, "a client that does not read");
  limit(t, "command_deadline", &Limits::command_deadline, 1, 3600, "one step of a command in the database");
  limit(t, "progress_interval", &Limits::progress_interval, 0, 3600,
        "how long a running command may be silent before the client is told that it goes on (RFC 9585); 0: never told");
}

void node_limits(Table& t) {
  using enum ValueType;
  limit(t, number, "connections", &Limits::connections, 1, 1'000'000, "connections to this node");
  limit(t, number, "connections_per_address", &Limits::connections_per_address, 0, 1'000'000,
        "sessions of one account; 0: no limit");
  limit(t, number, "connections_per_peer", &Limits::connections_per_peer, 0, 1'000'000,
        "connections from one network address, loopback excepted; 0: no limit");
  limit(t, size, "spool_disk_octets", &Limits::spool_disk_octets, kMega, 1024 * kGiga,
        "spool files of all sessions together");
  limit(t, size, "snapshot_octets", &Limits::snapshot_octets, kMega, 64 * kGiga,
        "mailbox pictures kept in memory although no session has the mailbox selected, 16 octets a message");
  limit(t, "handshake_timeout", &Limits::handshake_timeout, 1, 600, "TLS handshake");
  limit(t, "drain_timeout", &Limits::drain_timeout, 1, 600, "time for sessions to end at shutdown");
  limit(t, number, "http_connections", &Limits::http_connections, 1, 10'000, "connections to http.listen");
  limit(t, size, "http_request_octets", &Limits::http_request_octets, kKilo, kMega, "header of one HTTP request");
  limit(t, "http_timeout", &Limits::http_timeout, 1, 600, "one HTTP request, and an idle HTTP connection");
}

Table make_table() {
  Table table;
  network_keys(table);
  url_keys(table);
  tls_keys(table);
  auth_keys(table);
  database_keys(table);
  audit_keys(table);
  sweep_keys(table);
  push_keys(table);
  adapt_keys(table);
  log_keys(table);
  command_limits(table);
  object_limits(table);
  session_limits(table);
  adapt_limits(table);
  node_limits(table);
  return table;
}

}  // namespace

const std::vector<ConfigKey>& config_table() {
  static const Table table = make_table();
  return table;
}

}  // namespace cpm
