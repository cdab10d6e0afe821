#include "base/config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>

extern char** environ;

namespace cpm {

namespace {

constexpr std::string_view kPrefix = "CPMSTORE_";
constexpr std::string_view kTestPrefix = "CPMSTORE_TEST_";  // for the test programs, not ours

// A value as it stood in its source; lists keep their items.
struct Raw {
  std::string text;
  std::optional<std::vector<std::string>> items;
  std::string origin;
};

class Loader {
 public:
  void read_file(const std::string& path, bool must_exist);
  void read_set(const std::string& assignment);
  void read_environment(const std::map<std::string, std::string>& environment);
  void put(const std::string& key, Raw raw) { values_[key] = std::move(raw); }
  Config build();
  void check(const Config& config);
  [[nodiscard]] std::string problems() const;
  [[nodiscard]] bool ok() const { return problems_.empty(); }
  [[nodiscard]] std::string text_of(const std::string& key) const {
    const auto at = values_.find(key);
    return at == values_.end() ? std::string() : at->second.text;
  }

 private:
  void problem(const std::string& text) { problems_.push_back(text); }
  void unknown(const std::string& origin, const std::string& key);
  void read_table(const std::string& path, const std::string& prefix, const toml::table& table);
  std::optional<Raw> read_node(const std::string& where, const std::string& key, const toml::node& node);
  void convert(const ConfigKey& key, const Raw& raw, ConfigKey::Value& value);

  std::map<std::string, Raw> values_;
  std::vector<std::string> problems_;
};

const ConfigKey* find_key(std::string_view key) {
  for (const ConfigKey& row : config_table()) {
    if (row.key == key) return &row;
  }
  return nullptr;
}

// The nearest known key, or empty when nothing is near enough to be meant.
std::string nearest(const std::string& key) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(3, key.size() / 3) + 1;
  for (const ConfigKey& row : config_table()) {
    const std::size_t distance = edit_distance(key, row.key);
    if (distance < best_distance) {
      best_distance = distance;
      best = row.key;
    }
  }
  return best;
}

void Loader::unknown(const std::string& origin, const std::string& key) {
  const std::string near = nearest(key);
  problem(origin + ": unknown key \"" + key + "\"" +
          (near.empty() ? "; --help-config lists all keys" : "; did you mean \"" + near + "\"?"));
}

std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* real = node.as_floating_point()) {  // minimum = 1.2
    std::ostringstream out;
    out << real->get();
    return out.str();
  }
  return std::nullopt;
}

std::optional<Raw> Loader::read_node(const std::string& where, const std::string& key, const toml::node& node) {
  if (auto text = scalar_text(node)) return Raw{*text, std::nullopt, where};
  if (const toml::array* array = node.as_array()) {
    std::vector<std::string> items;
    for (const toml::node& element : *array) {
      auto item = scalar_text(element);
      if (!item) {
        problem(where + ": " + key + " is a list of texts, but one of its items is not a text");
        return std::nullopt;
      }
      items.push_back(*item);
    }
    return Raw{join_list(items), items, where};
  }
  problem(where + ": " + key + " cannot be a date or a table");
  return std::nullopt;
}

void Loader::read_table(const std::string& path, const std::string& prefix, const toml::table& table) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    const std::string where = path + ":" + std::to_string(node.source().begin.line);
    if (find_key(key) == nullptr) {
      if (const toml::table* inner = node.as_table(); inner != nullptr && !inner->empty()) {
        read_table(path, key + ".", *inner);
      } else if (inner == nullptr) {
        unknown(where, key);
      }
      continue;
    }
    if (auto raw = read_node(where, key, node)) put(key, std::move(*raw));
  }
}

void Loader::read_file(const std::string& path, bool must_exist) {
  std::error_code error;
  if (!must_exist && !std::filesystem::exists(path, error)) return;
  const auto kind = std::filesystem::status(path, error).type();
  using Type = std::filesystem::file_type;
  if (kind != Type::regular && kind != Type::fifo && kind != Type::not_found) return problem(path + ": is not a file");
  try {
    read_table(path, "", toml::parse_file(path));
  } catch (const toml::parse_error& bad) {
    const auto line = bad.source().begin.line;
    problem(path + (line == 0 ? "" : ":" + std::to_string(line)) + ": " + std::string(bad.description()));
  }
}

void Loader::read_set(const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    problem("--set \"" + assignment + "\": expected key=value, as --set log.level=debug");
    return;
  }
  const std::string key = assignment.substr(0, equals);
  if (find_key(key) == nullptr) return unknown("--set", key);
  put(key, Raw{assignment.substr(equals + 1), std::nullopt, "--set"});
}

void Loader::read_environment(const std::map<std::string, std::string>& environment) {
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix) || name.starts_with(kTestPrefix)) continue;
    const auto& table = config_table();
    const auto row = std::find_if(table.begin(), table.end(),
                                  [&name = name](const ConfigKey& key) { return environment_name(key.key) == name; });
    if (row != table.end()) {
      put(row->key, Raw{value, std::nullopt, "environment " + name});
      continue;
    }
    std::string key = name.substr(kPrefix.size());
    std::transform(key.begin(), key.end(), key.begin(),
                   [](unsigned char c) { return c == '_' ? '.' : std::tolower(c); });
    const std::string near = nearest(key);
    problem("environment: unknown variable " + name +
            (near.empty() ? "; --help-config lists all keys" : "; did you mean " + environment_name(near) + "?"));
  }
}

void Loader::convert(const ConfigKey& key, const Raw& raw, ConfigKey::Value& value) {
  const auto bad = [&] {
    problem(raw.origin + ": " + key.key + " = \"" + raw.text + "\" is not allowed; allowed: " + allowed_values(key));
  };
  if (raw.items && key.type != ValueType::list && key.type != ValueType::endpoints) return bad();
  value.text = raw.text;
  value.items = raw.items ? *raw.items : split_list(raw.text);
  const auto allowed = [&](const std::string& item) {
    return std::find(key.choices.begin(), key.choices.end(), item) != key.choices.end();
  };
  std::optional<std::uint64_t> number;
  switch (key.type) {
    case ValueType::text: return;
    case ValueType::choice:
      if (!allowed(raw.text)) bad();
      return;
    case ValueType::flag: {
      const auto flag = parse_flag(raw.text);
      if (!flag) return bad();
      value.flag = *flag;
      return;
    }
    case ValueType::list:
      if (!key.choices.empty() && !std::all_of(value.items.begin(), value.items.end(), allowed)) bad();
      return;
    case ValueType::endpoints:
      for (const std::string& item : value.items) {
        auto endpoint = parse_endpoint(item);
        if (!endpoint) return bad();
        value.endpoints.push_back(std::move(*endpoint));
      }
      return;
    case ValueType::number: number = parse_number(raw.text); break;
    case ValueType::size: number = parse_size(raw.text); break;
    case ValueType::duration: number = parse_duration(raw.text); break;
  }
  if (!number || *number < key.minimum || *number > key.maximum) return bad();
  value.number = *number;
}

Config Loader::build() {
  Config config;
  for (const ConfigKey& key : config_table()) {
    const auto at = values_.find(key.key);
    const Raw raw = at == values_.end() ? Raw{key.fallback, std::nullopt, "default"} : at->second;
    ConfigKey::Value value;
    const std::size_t before = problems_.size();
    convert(key, raw, value);
    if (problems_.size() != before) continue;
    key.store(config, value);
    config.settings.push_back({key.key, raw.text, raw.origin, key.reloadable});
  }
  return config;
}

bool known_area_levels(const std::string& text) {
  const std::set<std::string> levels = {"trace", "debug", "info", "warn", "error", "off"};
  for (const std::string& item : split_list(text)) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0 || !levels.contains(item.substr(equals + 1))) return false;
  }
  return true;
}

// The server makes these mailboxes with each account: what CREATE would refuse must not wait until then.
bool possible_mailbox(const std::string& path, const Limits& limits) {
  const bool odd = std::any_of(path.begin(), path.end(),
                               [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '*' || c == '%'; });
  return !odd && !path.empty() && path.front() != '/' && path.back() != '/' && path.find("//") == std::string::npos &&
         path.size() <= limits.mailbox_name_octets;
}

// What no single value shows.
void Loader::check(const Config& config) {
  if (config.tls.certificate.empty() != config.tls.key.empty()) {
    problem("tls.certificate and tls.key belong together: set both, or neither for a self-made certificate");
  }
  if (!config.auth.oauth.keys.empty()) {
    if (config.auth.oauth.issuer.empty()) problem("auth.oauth.keys is set: auth.oauth.issuer must be set too");
    if (config.auth.oauth.audience.empty()) problem("auth.oauth.keys is set: auth.oauth.audience must be set too");
    if (config.auth.oauth.algorithms.empty())
      problem("auth.oauth.keys is set: auth.oauth.algorithms must not be empty");
    if (config.auth.oauth.claim.empty()) problem("auth.oauth.keys is set: auth.oauth.claim must not be empty");
  }
  if (!known_area_levels(config.log.area_levels)) {
    problem("log.areas = \"" + config.log.area_levels +
            "\" is not allowed; allowed: area=level pairs separated by commas, as imap=debug,db=warn");
  }
  for (const std::string& path : config.account_mailboxes) {
    if (!possible_mailbox(path, config.limits)) {
      problem("account.mailboxes: \"" + path + "\" is not a possible mailbox name");
    }
  }
  for (const std::string& path : config.cpm_roots) {
    if (!possible_mailbox(path, config.limits)) {
      problem("cpm.roots: \"" + path + "\" is not a possible mailbox name");
    }
  }
  if (config.imap_listen.empty() && config.imaps_listen.empty()) {
    problem("imap.listen and imaps.listen are both empty: no client could connect");
  }
  if (config.limits.header_octets > config.limits.session_octets) {
    problem("limits.header_octets is larger than limits.session_octets: one header would exceed a session's memory");
  }
}

std::string Loader::problems() const {
  std::string all;
  for (const std::string& line : problems_) all += (all.empty() ? "" : "\n") + line;
  return all;
}

}  // namespace

std::string environment_name(std::string_view key) {
  std::string name(kPrefix);
  for (const char c : key) name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos && text.starts_with(kPrefix)) {
      all.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return all;
}

Result<Config> load_config(const ConfigSources& sources) {
  // The file may stand in the data directory, so that has to be known first.
  std::string data = sources.data;
  if (data.empty()) {
    Loader early;
    for (const std::string& assignment : sources.sets) {
      if (assignment.starts_with("data=")) early.read_set(assignment);
    }
    if (const auto at = sources.environment.find("CPMSTORE_DATA"); at != sources.environment.end()) {
      early.put("data", {at->second, std::nullopt, ""});
    }
    data = early.text_of("data");
  }
  Loader loader;
  if (!sources.file.empty()) {
    loader.read_file(sources.file, true);
  } else if (!data.empty()) {
    loader.read_file((std::filesystem::path(data) / "cpmstore.toml").string(), false);
  }
  for (const std::string& assignment : sources.sets) loader.read_set(assignment);
  loader.read_environment(sources.environment);
  if (!sources.data.empty()) loader.put("data", {sources.data, std::nullopt, "--data"});
  Config config = loader.build();
  if (loader.ok()) loader.check(config);
  if (!loader.ok()) return fail(Failure::invalid, loader.problems(), "configuration");
  return config;
}

}  // namespace cpm
