#include "base/config.h"

#include <gtest/gtest.h>

#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

namespace cpm {
namespace {

class ConfigFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "config-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    file_ = directory_ + "/test.toml";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& text) { std::ofstream(file_) << text; }
  Result<Config> load(std::vector<std::string> sets = {}, std::map<std::string, std::string> environment = {}) {
    return load_config({.data = {}, .file = file_, .sets = std::move(sets), .environment = std::move(environment)});
  }
  std::string problems(std::vector<std::string> sets = {}, std::map<std::string, std::string> environment = {}) {
    const auto config = load(std::move(sets), std::move(environment));
    return config ? "no problem" : config.error().text;
  }

  std::string directory_;
  std::string file_;
};

std::string origin(const Config& config, const std::string& key) {
  for (const auto& setting : config.settings) {
    if (setting.key == key) return setting.origin;
  }
  return "missing";
}

TEST(Config, HasDefaults) {
  const auto config = load_config({});
  ASSERT_TRUE(config) << config.error().text;
  ASSERT_EQ(config->imap_listen.size(), 1U);
  EXPECT_EQ(config->imap_listen[0].port, 1143);
  EXPECT_EQ(config->imaps_listen[0].port, 1993);
  EXPECT_EQ(config->http_listen[0].port, 1180);
  EXPECT_FALSE(config->auth.allow_plaintext);
  EXPECT_EQ(config->account_mailboxes, (std::vector<std::string>{"INBOX", "Default"}));
  EXPECT_EQ(config->cpm_roots, (std::vector<std::string>{"Default", "cpmdefault"}));
  EXPECT_EQ(config->limits.line_octets, Limits{}.line_octets);
  EXPECT_EQ(config->limits.idle_timeout, Limits{}.idle_timeout);
  EXPECT_EQ(config->settings.size(), config_table().size());
  EXPECT_EQ(origin(*config, "imap.listen"), "default");
}

TEST(Config, RefusesRootsThatNoMailboxCanBe) {
  ConfigSources sources;
  sources.sets = {"cpm.roots=Default,a//b"};
  const auto config = load_config(sources);
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().text.find("cpm.roots: \"a//b\""), std::string::npos) << config.error().text;
  sources.sets = {"cpm.roots=History/CPM"};
  const auto other = load_config(sources);
  ASSERT_TRUE(other) << other.error().text;
  EXPECT_EQ(other->cpm_roots, (std::vector<std::string>{"History/CPM"}));
}

TEST_F(ConfigFile, IsReadWithItsTypes) {
  write(R"(
data = "/var/lib/x"
[imap]
listen = "127.0.0.1:1,[::1]:2"
disable = ["idle", "compress"]
[tls]
minimum = 1.3
[auth]
allow_plaintext = true
[auth.oauth]
leeway = "1m"
[limits]
message_octets = "10M"
idle_timeout = 3600
)");
  const auto config = load();
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->data, "/var/lib/x");
  ASSERT_EQ(config->imap_listen.size(), 2U);
  EXPECT_EQ(config->imap_listen[1].host, "::1");
  EXPECT_EQ(config->imap_disable, (std::vector<std::string>{"idle", "compress"}));
  EXPECT_EQ(config->tls.minimum, "1.3");
  EXPECT_TRUE(config->auth.allow_plaintext);
  EXPECT_EQ(config->auth.oauth.leeway, std::chrono::seconds(60));
  EXPECT_EQ(config->limits.message_octets, 10U << 20);
  EXPECT_EQ(config->limits.idle_timeout, std::chrono::hours(1));
  EXPECT_EQ(origin(*config, "tls.minimum"), file_ + ":7");
}

TEST_F(ConfigFile, IsBelowSetIsBelowEnvironment) {
  write("[log]\nlevel = \"warn\"\nformat = \"json\"\nareas = \"db=debug\"\n");
  const auto config = load({"log.level=error", "log.areas=imap=debug"}, {{"CPMSTORE_LOG_LEVEL", "debug"}});
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_TRUE(config->log.json);
  EXPECT_EQ(config->log.level, log::Level::debug);
  EXPECT_EQ(config->log.area_levels, "imap=debug");
  EXPECT_EQ(origin(*config, "log.level"), "environment CPMSTORE_LOG_LEVEL");
  EXPECT_EQ(origin(*config, "log.areas"), "--set");
  EXPECT_EQ(origin(*config, "log.format"), file_ + ":3");
}

TEST_F(ConfigFile, LiesInTheDataDirectoryByDefault) {
  std::ofstream(directory_ + "/cpmstore.toml") << "server.name = \"here\"\n";
  EXPECT_EQ(load_config({.data = directory_})->server.name, "here");
  EXPECT_EQ(load_config({.sets = {"data=" + directory_}})->server.name, "here");
  EXPECT_EQ(load_config({.environment = {{"CPMSTORE_DATA", directory_}}})->server.name, "here");
  const auto config = load_config({.data = directory_, .environment = {{"CPMSTORE_DATA", "/elsewhere"}}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->data, directory_);
  EXPECT_EQ(origin(*config, "data"), "--data");
}

TEST_F(ConfigFile, UnknownKeysAreSuggested) {
  write("[imap]\nlisen = \"127.0.0.1:1\"\n");
  EXPECT_EQ(problems(), file_ + ":2: unknown key \"imap.lisen\"; did you mean \"imap.listen\"?");
  write("");
  EXPECT_EQ(problems({"limits.line_octet=1"}),
            "--set: unknown key \"limits.line_octet\"; did you mean \"limits.line_octets\"?");
  EXPECT_EQ(problems({}, {{"CPMSTORE_IMAP_LISTN", "x"}}),
            "environment: unknown variable CPMSTORE_IMAP_LISTN; did you mean CPMSTORE_IMAP_LISTEN?");
  EXPECT_EQ(problems({"entirely.different.things=1"}),
            "--set: unknown key \"entirely.different.things\"; --help-config lists all keys");
}

TEST_F(ConfigFile, OtherProgramsVariablesAreIgnored) {
  write("");
  EXPECT_TRUE(load({}, {{"PATH", "/bin"}, {"CPMSTORE_TEST_DATABASE_URL", "x"}}));
}

TEST_F(ConfigFile, BadValuesNameTheRange) {
  write("[limits]\nline_octets = 12\n");
  EXPECT_EQ(problems(),
            file_ + ":2: limits.line_octets = \"12\" is not allowed; allowed: 8K to 16M (octets, or with K, M, G)");
  write("[auth]\nallow_plaintext = \"perhaps\"\n");
  EXPECT_EQ(problems(), file_ + ":2: auth.allow_plaintext = \"perhaps\" is not allowed; allowed: true or false");
  write("");
  EXPECT_EQ(problems({"tls.minimum=1.1"}), "--set: tls.minimum = \"1.1\" is not allowed; allowed: 1.2, 1.3");
  EXPECT_EQ(
      problems({"imap.listen=1143"}),
      "--set: imap.listen = \"1143\" is not allowed; allowed: HOST:PORT, as 127.0.0.1:1143 or [::1]:1143, several "
      "separated by commas");
  EXPECT_EQ(problems({"limits.login_timeout=1d"}),
            "--set: limits.login_timeout = \"1d\" is not allowed; allowed: 1s to 1h (seconds, or with s, m, h)");
  EXPECT_EQ(problems({"database.connections=0"}),
            "--set: database.connections = \"0\" is not allowed; allowed: 1 to 1000");
  EXPECT_NE(problems({}, {{"CPMSTORE_AUTH_MECHANISMS", "PLAIN,CRAM-MD5"}})
                .find("environment CPMSTORE_AUTH_MECHANISMS: auth.mechanisms = \"PLAIN,CRAM-MD5\" is not allowed; "
                      "allowed: any of PLAIN"),
            std::string::npos);
}

TEST_F(ConfigFile, WrongTomlTypesAreNamed) {
  write("[log]\nlevel = [\"info\"]\n");
  EXPECT_NE(problems().find("log.level = \"info\" is not allowed"), std::string::npos);
  write("[imap]\ndisable = [[1]]\n");
  EXPECT_EQ(problems(), file_ + ":2: imap.disable is a list of texts, but one of its items is not a text");
  write("data = 2020-01-01\n");
  EXPECT_EQ(problems(), file_ + ":1: data cannot be a date or a table");
}

TEST_F(ConfigFile, BrokenFilesNameTheLine) {
  write("a = 1\nb = = 2\n");
  EXPECT_TRUE(problems().starts_with(file_ + ":2: ")) << problems();
  file_ = directory_ + "/missing.toml";
  EXPECT_TRUE(problems().starts_with(file_ + ": ")) << problems();
}

TEST_F(ConfigFile, AllProblemsAreToldAtOnce) {
  write("[imap]\nlisen = \"x\"\n[log]\nlevel = \"loud\"\n");
  const std::string all = problems({"nonsense"});
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 2) << all;
  EXPECT_NE(all.find("--set \"nonsense\": expected key=value, as --set log.level=debug"), std::string::npos);
}

TEST_F(ConfigFile, ContradictionsAreNamed) {
  write("");
  EXPECT_EQ(problems({"tls.certificate=/a"}),
            "tls.certificate and tls.key belong together: set both, or neither for a self-made certificate");
  EXPECT_EQ(problems({"auth.oauth.keys=/k", "auth.oauth.issuer=i"}),
            "auth.oauth.keys is set: auth.oauth.audience must be set too");
  EXPECT_EQ(problems({"auth.oauth.keys=/k", "auth.oauth.audience=i"}),
            "auth.oauth.keys is set: auth.oauth.issuer must be set too");
  EXPECT_EQ(problems({"auth.oauth.keys=/k", "auth.oauth.audience=i", "auth.oauth.issuer=i", "auth.oauth.algorithms="}),
            "auth.oauth.keys is set: auth.oauth.algorithms must not be empty");
  EXPECT_EQ(problems({"auth.oauth.keys=/k", "auth.oauth.audience=i", "auth.oauth.issuer=i", "auth.oauth.claim="}),
            "auth.oauth.keys is set: auth.oauth.claim must not be empty");
  EXPECT_EQ(
      problems({"log.areas=imap"}),
      "log.areas = \"imap\" is not allowed; allowed: area=level pairs separated by commas, as imap=debug,db=warn");
  EXPECT_EQ(problems({"imap.listen=", "imaps.listen="}),
            "imap.listen and imaps.listen are both empty: no client could connect");
  EXPECT_EQ(problems({"limits.header_octets=2M", "limits.session_octets=1M"}),
            "limits.header_octets is larger than limits.session_octets: one header would exceed a session's memory");
}

TEST(ConfigTable, CoversEveryLimit) {
  std::ifstream source(CPMSTORE_SOURCE_DIR "/base/limits.h");
  const std::string text((std::istreambuf_iterator<char>(source)), std::istreambuf_iterator<char>());
  const std::regex field(R"(\n  (?:std::)[a-z0-9_:]+ ([a-z_]+)(?: = |\{))");
  std::set<std::string> keys;
  for (const ConfigKey& key : config_table()) keys.insert(key.key);
  std::size_t fields = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), field), end; it != end; ++it, ++fields) {
    EXPECT_TRUE(keys.contains("limits." + (*it)[1].str())) << (*it)[1];
  }
  EXPECT_GE(fields, 30U);
}

TEST(ConfigTable, NamesAreUniqueAndDefaultsAreAllowed) {
  std::set<std::string> keys;
  std::set<std::string> variables;
  for (const ConfigKey& key : config_table()) {
    EXPECT_TRUE(keys.insert(key.key).second) << key.key;
    EXPECT_TRUE(variables.insert(environment_name(key.key)).second) << key.key;
    EXPECT_FALSE(key.help.empty()) << key.key;
    EXPECT_EQ(key.help.find('|'), std::string::npos) << key.key;
    const auto config = load_config({.sets = {key.key + "=" + key.fallback}});
    EXPECT_TRUE(config) << config.error().text;
  }
}

TEST_F(ConfigFile, TheSampleIsAValidFileOfDefaults) {
  write(std::regex_replace(config_sample(), std::regex("\n#([a-z_]+ = )"), "\n$1"));
  const auto config = load();
  ASSERT_TRUE(config) << config.error().text;
  const auto defaults = load_config({});
  ASSERT_EQ(config->settings.size(), defaults->settings.size());
  for (std::size_t i = 0; i < config->settings.size(); ++i) {
    EXPECT_EQ(config->settings[i].value, defaults->settings[i].value) << config->settings[i].key;
    EXPECT_NE(config->settings[i].origin, "default") << config->settings[i].key;
  }
}

TEST(ConfigPrint, ListsEveryKey) {
  for (const ConfigKey& key : config_table()) {
    EXPECT_NE(config_help().find(key.key + " = "), std::string::npos) << key.key;
    EXPECT_NE(config_doc().find("`" + key.key + "`"), std::string::npos) << key.key;
  }
}

TEST(ConfigPrint, TheDocumentationIsCurrent) {
  std::ifstream file(CPMSTORE_SOURCE_DIR "/docs/config.md");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(text, config_doc()) << "print it again: cpmstored --print-config-doc > docs/config.md";
}

TEST(ConfigPrint, MasksPasswords) {
  EXPECT_EQ(masked_url("postgresql://bob:secret@db/x"), "postgresql://bob:***@db/x");
  EXPECT_EQ(masked_url("postgresql://bob:se@cret@db/x"), "postgresql://bob:***@db/x");
  EXPECT_EQ(masked_url("postgresql://bob@db/x"), "postgresql://bob@db/x");
  EXPECT_EQ(masked_url("postgresql://db:5432/x?user=a&password=b&sslmode=c"),
            "postgresql://db:5432/x?user=a&password=***&sslmode=c");
  EXPECT_EQ(masked_url("host=db password=secret dbname=x"), "host=db password=*** dbname=x");
  EXPECT_EQ(masked_url("password='a b' host=db").find("a b"), std::string::npos);
  EXPECT_EQ(masked_url("password='a\\'b c' host=db"), "password=*** host=db");
  EXPECT_EQ(masked_url("user=u password = secret dbname=d"), "user=u password = *** dbname=d");
  EXPECT_EQ(masked_url("password=se\\ cret dbname=d sslpassword=x"), "password=*** dbname=d sslpassword=***");
  EXPECT_EQ(masked_url("password='never ended"), "password=***");
  EXPECT_EQ(masked_url("user=u password"), "user=u password");
  EXPECT_EQ(masked_url("host=h Password = x"), "host=h Password = ***");
  EXPECT_EQ(masked_url("postgresql://u:hunter/p@h/db"), "postgresql://u:***@h/db");
  EXPECT_EQ(masked_url("postgresql://h/db?user=a&passw%6frd=x&sslmode=b&sslpassword=y"),
            "postgresql://h/db?user=a&passw%6frd=***&sslmode=b&sslpassword=***");
  const auto config = load_config({.sets = {"database.url=postgresql://u:hidden@h/d"}});
  const std::string printed = config_print(*config, true);
  EXPECT_EQ(printed, "database.url = postgresql://u:***@h/d  # --set\n");
}

}  // namespace
}  // namespace cpm
