// What is printed from the configuration table: help, sample file, documentation, effective values.
#include "base/config.h"
#include "base/percent.h"

#include <algorithm>
#include <cctype>

namespace cpm {

namespace {

const char* type_name(ValueType type) {
  switch (type) {
    case ValueType::flag: return "true/false";
    case ValueType::number: return "number";
    case ValueType::size: return "size";
    case ValueType::duration: return "duration";
    case ValueType::text: return "text";
    case ValueType::choice: return "choice";
    case ValueType::list: return "list";
    case ValueType::endpoints: return "HOST:PORT";
  }
  return "text";
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// As it would be written in a TOML file.
std::string toml_value(const ConfigKey& key, const std::string& text) {
  switch (key.type) {
    case ValueType::flag: return parse_flag(text).value_or(false) ? "true" : "false";
    case ValueType::number: return text;
    case ValueType::list: {
      std::string items;
      for (const std::string& item : split_list(text)) items += (items.empty() ? "" : ", ") + quoted(item);
      return "[" + items + "]";
    }
    default: return quoted(text);
  }
}

std::string section_of(const std::string& key) {
  const std::size_t dot = key.rfind('.');
  return dot == std::string::npos ? "" : key.substr(0, dot);
}

std::string name_of(const std::string& key) { return key.substr(key.rfind('.') + 1); }

// Rows grouped by TOML table, each table once, in the order of its first key.
std::vector<std::pair<std::string, std::vector<const ConfigKey*>>> sections() {
  std::vector<std::pair<std::string, std::vector<const ConfigKey*>>> all;
  for (const ConfigKey& key : config_table()) {
    const std::string section = section_of(key.key);
    auto at = std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.first == section; });
    if (at == all.end()) at = all.insert(all.end(), {section, {}});
    at->second.push_back(&key);
  }
  return all;
}

std::string shown(const std::string& text) { return text.empty() ? "(empty)" : text; }

}  // namespace

std::string allowed_values(const ConfigKey& key) {
  switch (key.type) {
    case ValueType::flag: return "true or false";
    case ValueType::number: return std::to_string(key.minimum) + " to " + std::to_string(key.maximum);
    case ValueType::size:
      return format_size(key.minimum) + " to " + format_size(key.maximum) + " (octets, or with K, M, G)";
    case ValueType::duration:
      return format_duration(key.minimum) + " to " + format_duration(key.maximum) + " (seconds, or with s, m, h)";
    case ValueType::text: return "one text";
    case ValueType::endpoints: return "HOST:PORT, as 127.0.0.1:1143 or [::1]:1143, several separated by commas";
    case ValueType::choice:
    case ValueType::list: break;
  }
  std::string all;
  for (const std::string& item : key.choices) all += (all.empty() ? "" : ", ") + item;
  if (key.type == ValueType::choice) return all;
  return all.empty() ? "a list of texts" : "any of " + all;
}

std::string config_help() {
  std::string out =
      "Keys, in rising precedence from the TOML file, --set KEY=VALUE and the environment.\n"
      "The variable of a key is CPMSTORE_ and the key in capitals with _ for the dots: " +
      environment_name("imap.listen") + ".\n";
  for (const auto& [section, keys] : sections()) {
    out += '\n';
    for (const ConfigKey* key : keys) {
      out += key->key + " = " + shown(key->fallback) + "\n    " + key->help;
      if (key->reloadable) out += "; SIGHUP reloads it";
      out += "\n";
      if (key->type != ValueType::text) out += "    allowed: " + allowed_values(*key) + "\n";
    }
  }
  return out;
}

std::string config_sample() {
  std::string out =
      "# Configuration of cpmstored. Every key stands here with its default; remove the # to change one.\n";
  for (const auto& [section, keys] : sections()) {
    out += section.empty() ? "\n" : "\n[" + section + "]\n";
    for (const ConfigKey* key : keys) {
      out += "# " + key->help + "\n#" + name_of(key->key) + " = " + toml_value(*key, key->fallback) + "\n";
    }
  }
  return out;
}

std::string config_doc() {
  std::string out =
      "# Configuration\n\n"
      "Printed by `cpmstored --print-config-doc` from the table in `base/config_table.cpp`; do not edit by hand.\n\n"
      "Sources, in rising precedence: the defaults below, the TOML file (`--config FILE`, else `cpmstore.toml` in the "
      "data\n"
      "directory), `--set key=value`, the environment (`" +
      environment_name("imap.listen") +
      "` for `imap.listen`). `--data DIR` names the data\n"
      "directory whatever the others say. An unknown key or a bad value stops the start.\n"
      "Sizes are octets or take K, M, G (powers of 1024); durations are seconds or take s, m, h; lists in `--set` and "
      "in the\n"
      "environment are separated by commas. `cpmctl config print` shows every value and where it came from.\n"
      "Keys marked ↻ take a new value on SIGHUP; the others need a restart.\n";
  for (const auto& [section, keys] : sections()) {
    out += section.empty() ? "\n" : "\n## " + section + "\n\n";
    out += "| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n";
    for (const ConfigKey* key : keys) {
      const std::string fallback = key->fallback.empty() ? "" : "`" + key->fallback + "`";
      const std::string allowed = key->type == ValueType::text ? "" : allowed_values(*key);
      out += "| `" + key->key + "`" + (key->reloadable ? " ↻" : "") + " | " + type_name(key->type) + " | " + fallback +
             " | " + allowed + " | " + key->help + " |\n";
    }
  }
  return out;
}

std::string config_print(const Config& config, bool changed_only) {
  std::size_t width = 0;
  for (const Config::Setting& setting : config.settings) {
    if (!changed_only || setting.origin != "default") width = std::max(width, setting.key.size());
  }
  std::string out;
  for (const Config::Setting& setting : config.settings) {
    if (changed_only && setting.origin == "default") continue;
    const std::string value = setting.key == "database.url" ? masked_url(setting.value) : setting.value;
    out += setting.key + std::string(width - setting.key.size(), ' ') + " = " + shown(value) + "  # " + setting.origin +
           "\n";
  }
  return out;
}

namespace {

bool names_password(std::string_view key) {
  std::string small = percent_decode(key);
  std::transform(small.begin(), small.end(), small.begin(), [](unsigned char c) { return std::tolower(c); });
  return small.find("password") != std::string::npos;
}

// scheme://user:password@host/name?key=value&key=value
std::string masked_uri(std::string out) {
  const std::size_t authority = out.find("://") + 3;
  // Up to the last "@": a password with "/" in it is a mistake, but a password all the same.
  const std::size_t at = out.rfind('@', out.find('?', authority));
  const std::size_t colon = out.find(':', authority);
  if (at != std::string::npos && at >= authority && colon < at) out.replace(colon + 1, at - colon - 1, "***");
  for (std::size_t begin = out.find('?', authority); begin < out.size();) {
    const std::size_t key = begin + 1;
    begin = std::min(out.find('&', key), out.size());
    const std::size_t equals = out.find('=', key);
    if (equals >= begin || !names_password(std::string_view(out).substr(key, equals - key))) continue;
    out.replace(equals + 1, begin - equals - 1, "***");
    begin = equals + 4;
  }
  return out;
}

// key = value: blanks may stand around "=", a value may be quoted, and a backslash protects what follows.
std::string masked_words(std::string out) {
  constexpr std::string_view kBlanks = " \t\r\n";
  for (std::size_t at = 0; (at = out.find_first_not_of(kBlanks, at)) != std::string::npos;) {
    const std::size_t key_end = std::min(out.find_first_of(" \t\r\n=", at), out.size());
    const bool secret = names_password(std::string_view(out).substr(at, key_end - at));
    const std::size_t equals = out.find_first_not_of(kBlanks, key_end);
    if (equals == std::string::npos) break;
    at = equals;
    if (out[equals] != '=') continue;
    const std::size_t begin = std::min(out.find_first_not_of(kBlanks, equals + 1), out.size());
    const bool quoted = begin < out.size() && out[begin] == '\'';
    std::size_t end = quoted ? begin + 1 : begin;
    while (end < out.size() && (quoted ? out[end] != '\'' : kBlanks.find(out[end]) == std::string_view::npos)) {
      end += out[end] == '\\' ? 2 : 1;
    }
    end = std::min(quoted ? end + 1 : end, out.size());
    if (secret) {
      out.replace(begin, end - begin, "***");
      end = begin + 3;
    }
    at = end;
  }
  return out;
}

}  // namespace

std::string masked_url(std::string_view url) {
  return url.find("://") != std::string_view::npos ? masked_uri(std::string(url)) : masked_words(std::string(url));
}

}  // namespace cpm
