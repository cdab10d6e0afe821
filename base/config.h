// Config: the checked values of the configuration table (config_table.cpp), used by cpmstored and cpmctl.
// Sources in rising precedence: defaults, TOML file, --set key=value, environment CPMSTORE_IMAP_LISTEN; --data DIR
// on the command line names the data directory whatever the others say.
// Runs on: load on the main thread; a loaded Config is never changed.
#pragma once

#include "base/config_value.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/result.h"

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cpm {

struct Config {
  std::string data;  // the data directory; empty: none named

  std::vector<Endpoint> imap_listen, imaps_listen, http_listen;
  std::vector<std::string> imap_disable;       // extensions switched off
  std::vector<std::string> account_mailboxes;  // made with every account
  std::vector<std::string> cpm_roots;          // mailboxes that hold conversation histories
  bool cpm_containment = false;                // what may stand in histories is checked
  bool quota_set_by_owner = false;             // SETQUOTA of users themselves

  struct Server {
    std::size_t threads = 0;      // session threads; 0 = one per processor
    std::size_t cpu_threads = 0;  // password hashing; 0 = one per processor
    std::string name;             // in the greeting and in ID
    std::string language;         // preferred for texts (RFC 5255)
    std::string admin, comment;   // annotations of the server (RFC 5464 6.2)
  } server;

  struct Url {
    std::vector<std::string> hosts;         // by which IMAP URLs may name this server; empty: any
    std::vector<std::string> applications;  // "stream=NAME": services that may use URLs made for an application
    std::string mechanisms;                 // when URLMECH is told: tls, always, never
  } url;

  struct Tls {
    std::string certificate, key;  // PEM files; both empty: a self-made certificate
    std::string client_ca;         // PEM file; empty: client certificates are not asked for
    std::string client_identity;   // email, uri, cn
    std::string minimum;           // 1.2, 1.3
  } tls;

  struct OAuth {
    std::string keys;  // file with a JWK set or PEM public keys; empty: OAUTHBEARER is off
    std::string issuer, audience, claim;
    std::vector<std::string> algorithms;
    std::chrono::seconds leeway{};
  };
  struct Auth {
    bool allow_plaintext = false;
    std::vector<std::string> mechanisms;
    std::chrono::seconds cache{};                                         // how long a verified password is remembered
    std::size_t lockout_address_failures = 0, lockout_peer_failures = 0;  // 0 = no lock-out
    std::chrono::seconds lockout_window{}, lockout_time{};
    OAuth oauth;
  } auth;

  struct Database {
    std::string url;  // empty: the embedded PostgreSQL
    std::size_t connections = 0;
    std::size_t deposits_together = 0;
    bool prepare = true;
    std::string bin_dir, run_as;
    std::uint64_t shared_buffers = 0;  // 0: from the machine's memory
    std::chrono::seconds start_timeout{}, stop_timeout{};
  } database;

  struct Sweep {
    std::chrono::seconds interval{};  // between rounds over all accounts; 0: this node takes no part
    std::size_t batch = 0;            // messages in one transaction
    std::uint64_t messages = 0;       // of one account in one round
  } sweep;

  struct Push {
    bool enabled = true;                      // this node tells of events
    std::vector<std::string> allow_networks;  // private networks that may be told
    std::string ca;                           // PEM file; empty: the system's authorities
    std::string pap_template;                 // file; empty: the built-in EMN document
    std::string pap_type;                     // its media type
    std::size_t concurrency = 0, per_target = 0;
    std::chrono::seconds timeout{}, retry_first{}, retry_most{}, most_age{}, dead_age{}, breaker_time{};
    std::size_t attempts = 0, breaker_failures = 0;
  } push;
  struct Audit {
    std::chrono::seconds keep{};  // the record of changes, by months; 0: nothing is recorded
    bool logins = true;           // log-ins and log-outs too
    bool refused = false;         // also what was refused for lack of rights or room
    std::chrono::seconds seal{};  // between rounds of sealing; 0: this node takes no part
  } audit;
  struct Adapt {
    bool enabled = true;       // conversions by workers (CONVERT)
    std::string program;       // empty: cpmstore-adapt beside the server's own program
    std::size_t workers = 0;   // 0: half of the processors, at least one
    std::uint64_t memory = 0;  // of one worker, octets
    std::uint64_t pixels = 0;  // of a picture that is decoded
    std::size_t jobs = 0;      // of one worker, until it is replaced
    std::size_t queue = 0;     // conversions that wait
  } adapt;
  std::chrono::seconds undelete_keep{};  // what was expunged can be restored; 0: never

  log::Settings log;
  bool trace_protocol = false;
  Limits limits;

  // Every key with its value as text and where it came from ("default", "FILE:12", "--set", …), in table order.
  struct Setting {
    std::string key, value, origin;
    bool reloadable = false;
  };
  std::vector<Setting> settings;
};

// One row of the table.
struct ConfigKey {
  std::string key;  // "imap.listen"
  ValueType type = ValueType::text;
  std::string fallback;                    // the default, as text
  std::uint64_t minimum = 0, maximum = 0;  // number, size (octets), duration (seconds)
  std::vector<std::string> choices;        // choice; list: the allowed items, empty = any
  bool reloadable = false;                 // SIGHUP takes a new value
  std::string help;                        // one line
  struct Value {
    bool flag = false;
    std::uint64_t number = 0;
    std::string text;
    std::vector<std::string> items;
    std::vector<Endpoint> endpoints;
  };
  std::function<void(Config&, const Value&)> store;
};
[[nodiscard]] const std::vector<ConfigKey>& config_table();
[[nodiscard]] const std::vector<std::string>& extension_names();   // that imap.disable knows; generated
[[nodiscard]] std::string environment_name(std::string_view key);  // CPMSTORE_IMAP_LISTEN
[[nodiscard]] std::string allowed_values(const ConfigKey& key);    // "8K to 16M"

struct ConfigSources {
  std::string data;                                // --data
  std::string file;                                // --config; empty: DATA/cpmstore.toml if it exists
  std::vector<std::string> sets;                   // --set
  std::map<std::string, std::string> environment;  // only CPMSTORE_… is looked at
};
[[nodiscard]] std::map<std::string, std::string> process_environment();

// The Error's text holds one line for every unknown key, bad value or contradiction, fit for a terminal.
[[nodiscard]] Result<Config> load_config(const ConfigSources& sources);

// Printed from the table.
[[nodiscard]] std::string config_help();    // --help-config
[[nodiscard]] std::string config_sample();  // a TOML file with every key, commented out
[[nodiscard]] std::string config_doc();     // docs/config.md
// All values with their origins; secrets in URLs are masked. `changed_only`: leave defaults out.
[[nodiscard]] std::string config_print(const Config& config, bool changed_only);
[[nodiscard]] std::string masked_url(std::string_view url);

}  // namespace cpm
