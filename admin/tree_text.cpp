#include "admin/tree_text.h"

#include <algorithm>
#include <cctype>

namespace cpm::admin {

namespace {

std::vector<const CLI::App*> children(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option*) { return true; });
}

bool positional(const CLI::Option& option) { return option.get_positional(); }

std::string long_name(const CLI::Option& option) {
  const auto& names = option.get_lnames();
  return names.empty() ? std::string() : "--" + names.front();
}

bool takes_value(const CLI::Option& option) { return option.get_expected_max() > 0 && option.get_type_size_max() > 0; }

bool wants_path(const CLI::Option& option) {
  const std::string type = value_name(option);
  return type == "DIR" || type == "FILE" || type == "PATH";
}

// A command with all that can follow it.
struct Node {
  std::string path;  // "user alias add", "" for the program
  const CLI::App* app;
};

void collect(const CLI::App& app, const std::string& path, std::vector<Node>& out) {
  out.push_back({path, &app});
  for (const CLI::App* child : children(app))
    collect(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), out);
}

std::vector<std::string> words_after(const CLI::App& app, const CLI::App& root) {
  std::vector<std::string> words;
  for (const CLI::App* child : children(app)) words.push_back(child->get_name());
  for (const CLI::App* from : {&app, &root}) {
    for (const CLI::Option* option : options_of(*from)) {
      const std::string name = long_name(*option);
      if (!name.empty() && std::find(words.begin(), words.end(), name) == words.end()) words.push_back(name);
    }
    if (&app == &root) break;
  }
  return words;
}

std::string join(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// Alternatives of options that take a value, for a case pattern; those that name a path apart.
void value_options(const std::vector<Node>& nodes, std::vector<std::string>& paths, std::vector<std::string>& others) {
  for (const Node& node : nodes) {
    for (const CLI::Option* option : options_of(*node.app)) {
      const std::string name = long_name(*option);
      if (name.empty() || positional(*option) || !takes_value(*option)) continue;
      auto& list = wants_path(*option) ? paths : others;
      if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
    }
  }
}

bool path_follows(const CLI::App& app) {
  const auto options = options_of(app);
  return std::any_of(options.begin(), options.end(),
                     [](const CLI::Option* o) { return positional(*o) && wants_path(*o); });
}

// What CLI::IsMember allows: it stands behind the name of the value, as in "FORMAT:{html,json}".
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t begin = type.find(":{"), end = type.find('}');
  std::vector<std::string> out;
  if (begin == std::string::npos || end == std::string::npos) return out;
  for (std::size_t at = begin + 2; at < end;) {
    const std::size_t stop = std::min(type.find(',', at), end);
    out.push_back(type.substr(at, stop - at));
    at = stop + 1;
  }
  return out;
}

// Of the positionals of a command, as "bash zsh" of completion.
std::vector<std::string> positional_choices(const CLI::App& app) {
  for (const CLI::Option* option : options_of(app))
    if (positional(*option) && !choices_of(*option).empty()) return choices_of(*option);
  return {};
}

// Case patterns of options with a choice, as "message export --format", each with what `offer` makes of the words.
template <class Offer>
std::string option_choices(const std::vector<Node>& nodes, Offer offer) {
  std::string text;
  for (const Node& node : nodes) {
    for (const CLI::Option* option : options_of(*node.app)) {
      const auto choices = choices_of(*option);
      if (positional(*option) || choices.empty()) continue;
      text += "    \"" + node.path + " " + long_name(*option) + "\") " + offer(join(choices, " ")) + "; return ;;\n";
    }
  }
  return text;
}

// Shell code that walks over the words typed so far and leaves the command in $path.
std::string walk(const std::vector<Node>& nodes, const char* words, const char* first, const char* end) {
  std::vector<std::string> paths, others;
  value_options(nodes, paths, others);
  std::vector<std::string> known;
  for (const Node& node : nodes) {
    if (!node.path.empty()) known.push_back("\"" + node.path + "\"");
  }
  const std::string w = words;
  std::string text;
  text += "  local path=\"\" try i skip=0\n";
  text += std::string("  for ((i = ") + first + "; i < " + end + "; i++)); do\n";
  text += "    if ((skip)); then skip=0; continue; fi\n";
  text += "    case \"${" + w + "[i]}\" in\n";
  paths.insert(paths.end(), others.begin(), others.end());
  text += "      " + join(paths, "|") + ") skip=1; continue ;;\n";
  text += "      -*) continue ;;\n";
  text += "    esac\n";
  text += "    try=\"${path:+$path }${" + w + "[i]}\"\n";
  text += "    case \"$try\" in\n";
  text += "      " + join(known, "|") + ") path=\"$try\" ;;\n";
  text += "    esac\n";
  text += "  done\n";
  return text;
}

}  // namespace

std::string value_name(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.substr(0, type.find(':'));
}

std::string bash_completion(const CLI::App& root) {
  std::vector<Node> nodes;
  collect(root, "", nodes);
  std::vector<std::string> paths, others;
  value_options(nodes, paths, others);
  std::string text = "# bash completion for cpmctl; generated by: cpmctl completion bash\n_cpmctl() {\n";
  text += "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n";
  text += "  COMPREPLY=()\n";
  text += walk(nodes, "COMP_WORDS", "1", "COMP_CWORD");
  text += "  case \"$path $prev\" in\n";
  text += option_choices(
      nodes, [](const std::string& words) { return "COMPREPLY=($(compgen -W \"" + words + "\" -- \"$cur\"))"; });
  text += "  esac\n  case \"$prev\" in\n";
  text += "    " + join(paths, "|") + ") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n";
  text += "    " + join(others, "|") + ") return ;;\n";
  text += "  esac\n";
  text += "  local words=\"\" files=0\n  case \"$path\" in\n";
  for (const Node& node : nodes) {
    std::vector<std::string> words = words_after(*node.app, root);
    for (const std::string& choice : positional_choices(*node.app)) words.push_back(choice);
    text += "    \"" + node.path + "\") words=\"" + join(words, " ") + "\"";
    if (path_follows(*node.app)) text += "; files=1";
    text += " ;;\n";
  }
  text += "  esac\n";
  text += "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n";
  text += "  if ((files)); then COMPREPLY+=($(compgen -f -- \"$cur\")); fi\n";
  text += "}\ncomplete -o filenames -F _cpmctl cpmctl\n";
  return text;
}

namespace {

// For a single-quoted "name:description" of _describe.
std::string described(const std::string& name, const std::string& help) {
  std::string text;
  for (const char c : name) text += c == ':' ? std::string("\\:") : std::string(1, c);
  text += ":";
  for (const char c : help) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + text + "'";
}

}  // namespace

std::string zsh_completion(const CLI::App& root) {
  std::vector<Node> nodes;
  collect(root, "", nodes);
  std::vector<std::string> paths, others;
  value_options(nodes, paths, others);
  std::string text = "#compdef cpmctl\n# generated by: cpmctl completion zsh\n_cpmctl() {\n  emulate -L zsh\n";
  // `path` is special in zsh: it is PATH.
  std::string body = walk(nodes, "words", "2", "CURRENT");
  for (std::size_t at = 0; (at = body.find("path", at)) != std::string::npos; at += 6) body.replace(at, 4, "chosen");
  text += "  local -a commands options\n  local files=0\n";
  text += body;
  text += "  case \"$chosen ${words[CURRENT-1]}\" in\n";
  text += option_choices(nodes, [](const std::string& words) { return "compadd " + words; });
  text += "  esac\n  case \"${words[CURRENT-1]}\" in\n";
  text += "    " + join(paths, "|") + ") _files; return ;;\n";
  text += "    " + join(others, "|") + ") _message value; return ;;\n";
  text += "  esac\n  case \"$chosen\" in\n";
  for (const Node& node : nodes) {
    text += "    \"" + node.path + "\")\n      commands=(";
    for (const CLI::App* child : children(*node.app))
      text += " " + described(child->get_name(), child->get_description());
    for (const std::string& choice : positional_choices(*node.app)) text += " " + described(choice, choice);
    text += " )\n      options=(";
    for (const CLI::App* from : {node.app, &root}) {
      for (const CLI::Option* option : options_of(*from)) {
        const std::string name = long_name(*option);
        if (!name.empty() && !(from == &root && node.app != &root && name == "--help")) {
          text += " " + described(name, option->get_description());
        }
      }
      if (node.app == &root) break;
    }
    text += " )\n";
    if (path_follows(*node.app)) text += "      files=1\n";
    text += "      ;;\n";
  }
  text += "  esac\n";
  text += "  (( ${#commands} )) && _describe -t commands command commands\n";
  text += "  [[ \"$PREFIX\" == -* ]] && _describe -t options option options\n";
  text += "  (( files )) && _files\n  return 0\n}\n_cpmctl \"$@\"\n";
  return text;
}

}  // namespace cpm::admin
