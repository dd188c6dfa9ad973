//! The words of SQL, by what they do in a sentence of it.

/// What a word is to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Any name.
    Plain,
    /// `and`, `or`, `xor`.
    Logic,
    /// Stands before an operand: `not`, `binary`, `distinct`.
    Prefix,
    /// Stands between two operands, and compares: `like`, `in`, `between`.
    Infix,
    /// `is`, behind which only few words may stand.
    Is,
    /// `sounds`, `similar`: one more word, and it is an infix.
    HalfInfix,
    /// Stands between two operands, and computes: `div`, `mod`.
    Arithmetic,
    /// A value of its own: `null`, `true`, `current_date`.
    Constant,
    /// `current_user` and its like: nobody else speaks of them.
    Who,
    /// `select`.
    Select,
    /// `union`, `intersect`, `except`.
    Union,
    /// `from`.
    From,
    /// `where`.
    Where,
    /// `having`.
    Having,
    /// `group`, `order`.
    Sort,
    /// `by`.
    By,
    /// `limit`, `offset`.
    Limit,
    /// `into`.
    Into,
    /// `outfile`, `dumpfile`.
    File,
    /// `procedure`.
    Procedure,
    /// Parts of `case` and `between`, joins, and other words that part one expression from another.
    Part,
    /// `as`.
    As,
    /// `waitfor`.
    Waitfor,
    /// Begins a statement whose second word is one of its own: `drop`, `insert`.
    Verb,
    /// Begins a statement that is soon over: `exec`, `shutdown`.
    Command,
    /// `case`.
    Case,
    /// `when`, behind which a condition begins.
    When,
    /// `then`.
    Then,
    /// `against`, the second half of `match`.
    Against,
    /// What a statement creates, alters or drops.
    Object,
    /// A function that attacks call, by what they call it for.
    Calls(Calls),
    /// A table or schema in which a database describes itself.
    System,
}

/// What an attack calls a function for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calls {
    /// To make the database wait.
    Time,
    /// The same, by a name that many programs have.
    Sleep,
    /// To make it fail with a message.
    Error,
    /// To reach files, the network or the machine.
    Reach,
    /// To learn what it runs on and for whom; seldom anything else has these names.
    Identity,
    /// To gather many rows in one text.
    Gathering,
    /// To take answers apart, or to spell a text without quotes.
    Spelling,
    /// To compute; programs of all kinds have these.
    Ordinary,
}

/// The longest word that is known.
const LONGEST: usize = 24;

/// What a word is, whatever the case of its letters.
pub(super) fn word(text: &[u8]) -> Word {
    if text.len() > LONGEST {
        return prefixed(text);
    }
    let mut lower = [0; LONGEST];
    for (to, from) in lower.iter_mut().zip(text) {
        *to = from.to_ascii_lowercase();
    }
    let lower = lower.get(..text.len()).unwrap_or_default();
    match WORDS.binary_search_by(|(known, _)| known.as_bytes().cmp(lower)) {
        Ok(at) => WORDS.get(at).map_or(Word::Plain, |(_, word)| *word),
        Err(_) => prefixed(lower),
    }
}

/// Families of names that share a beginning.
fn prefixed(lower: &[u8]) -> Word {
    let reach: [&[u8]; 8] = [
        b"xp_",
        b"sp_oa",
        b"sp_password",
        b"sp_addsrvrole",
        b"sp_executesql",
        b"utl_",
        b"dbms_",
        b"lo_",
    ];
    if reach.iter().any(|family| crate::text::starts_with(lower, family)) {
        return call(Reach);
    }
    let system: [&[u8]; 4] = [b"syscat", b"sysibm", b"rdb$", b"v$"];
    if system
        .iter()
        .any(|family| crate::text::starts_with(lower, family))
    {
        return System;
    }
    Word::Plain
}

use Calls::{Error, Gathering, Identity, Ordinary, Reach, Sleep, Spelling, Time};
use Word::{
    Against, Arithmetic, As, By, Case, Command, Constant, File, From, HalfInfix, Having, Infix, Into, Is,
    Limit, Logic, Object, Part, Prefix, Procedure, Select, Sort, System, Then, Union, Verb, Waitfor, When,
    Where, Who,
};

const fn call(calls: Calls) -> Word {
    Word::Calls(calls)
}

/// Every known word, sorted.
const WORDS: &[(&str, Word)] = &[
    ("abs", call(Ordinary)),
    ("aes_decrypt", call(Spelling)),
    ("aes_encrypt", call(Spelling)),
    ("against", Against),
    ("all", Prefix),
    ("all_objects", System),
    ("all_tab_columns", System),
    ("all_tables", System),
    ("all_users", System),
    ("alter", Verb),
    ("analyse", call(Error)),
    ("analyze", Verb),
    ("and", Logic),
    ("any", Prefix),
    ("app_name", call(Ordinary)),
    ("array_agg", call(Gathering)),
    ("as", As),
    ("asc", Part),
    ("ascii", call(Spelling)),
    ("atan", call(Ordinary)),
    ("attach", Verb),
    ("backup", Verb),
    ("begin", Command),
    ("benchmark", call(Time)),
    ("between", Infix),
    ("bin", call(Ordinary)),
    ("binary", Prefix),
    ("bit_length", call(Spelling)),
    ("by", By),
    ("call", Command),
    ("case", Case),
    ("cast", call(Spelling)),
    ("ceil", call(Ordinary)),
    ("char", call(Spelling)),
    ("char_length", call(Spelling)),
    ("charset", call(Identity)),
    ("chr", call(Spelling)),
    ("coalesce", call(Ordinary)),
    ("coercibility", call(Identity)),
    ("col_name", call(Identity)),
    ("collate", Arithmetic),
    ("column", Object),
    ("compress", call(Spelling)),
    ("concat", call(Spelling)),
    ("concat_ws", call(Gathering)),
    ("connection_id", call(Identity)),
    ("conv", call(Ordinary)),
    ("convert", call(Spelling)),
    ("copy", Verb),
    ("cos", call(Ordinary)),
    ("count", call(Ordinary)),
    ("crc32", call(Ordinary)),
    ("create", Verb),
    ("ctxsys", call(Error)),
    ("current_catalog", Who),
    ("current_database", call(Identity)),
    ("current_date", Constant),
    ("current_role", Who),
    ("current_schema", call(Identity)),
    ("current_setting", call(Identity)),
    ("current_time", Constant),
    ("current_timestamp", Constant),
    ("current_user", Who),
    ("cursor_to_xml", call(Error)),
    ("database", call(Identity)),
    ("database_to_xml", call(Error)),
    ("db_name", call(Identity)),
    ("dba_tables", System),
    ("dba_users", System),
    ("dblink", call(Reach)),
    ("dblink_connect", call(Reach)),
    ("declare", Command),
    ("decode", call(Ordinary)),
    ("default", Part),
    ("delay", Part),
    ("delete", Verb),
    ("des_encrypt", call(Spelling)),
    ("desc", Part),
    ("distinct", Prefix),
    ("distinctrow", Prefix),
    ("div", Arithmetic),
    ("drop", Verb),
    ("dual", System),
    ("dumpfile", File),
    ("else", Part),
    ("elt", call(Identity)),
    ("encode", call(Ordinary)),
    ("end", Part),
    ("escape", Arithmetic),
    ("except", Union),
    ("exec", Command),
    ("execute", Command),
    ("exists", Prefix),
    ("exp", call(Ordinary)),
    ("export_set", call(Spelling)),
    ("extractvalue", call(Error)),
    ("false", Constant),
    ("field", call(Ordinary)),
    ("file_priv", System),
    ("find_in_set", call(Identity)),
    ("floor", call(Ordinary)),
    ("for", Part),
    ("from", From),
    ("from_base64", call(Spelling)),
    ("fts3_tokenizer", call(Reach)),
    ("function", Object),
    ("generate_series", call(Spelling)),
    ("geometrycollection", call(Error)),
    ("get_lock", call(Time)),
    ("glob", Infix),
    ("grant", Verb),
    ("greatest", call(Ordinary)),
    ("group", Sort),
    ("group_concat", call(Gathering)),
    ("gtid_subset", call(Error)),
    ("gtid_subtract", call(Error)),
    ("handler", Verb),
    ("having", Having),
    ("hex", call(Spelling)),
    ("host_name", call(Identity)),
    ("httpuritype", call(Reach)),
    ("if", call(Ordinary)),
    ("ifnull", call(Spelling)),
    ("iif", call(Spelling)),
    ("ilike", Infix),
    ("in", Infix),
    ("index", Object),
    ("inet_aton", call(Spelling)),
    ("inet_ntoa", call(Spelling)),
    ("infile", File),
    ("information_schema", System),
    ("insert", Verb),
    ("instr", call(Spelling)),
    ("intersect", Union),
    ("into", Into),
    ("is", Is),
    ("is_srvrolemember", call(Identity)),
    ("isnull", call(Ordinary)),
    ("join", Part),
    ("json_agg", call(Gathering)),
    ("json_arrayagg", call(Gathering)),
    ("json_extract", call(Spelling)),
    ("json_group_array", call(Gathering)),
    ("json_keys", call(Error)),
    ("json_value", call(Spelling)),
    ("kill", Command),
    ("last_insert_id", call(Identity)),
    ("lcase", call(Ordinary)),
    ("least", call(Ordinary)),
    ("left", call(Ordinary)),
    ("length", call(Ordinary)),
    ("like", Infix),
    ("limit", Limit),
    ("linestring", call(Error)),
    ("listagg", call(Gathering)),
    ("load", Verb),
    ("load_extension", call(Reach)),
    ("load_file", call(Reach)),
    ("locate", call(Ordinary)),
    ("login", Object),
    ("lower", call(Ordinary)),
    ("lpad", call(Spelling)),
    ("make_set", call(Error)),
    ("master_pos_wait", call(Time)),
    ("match", Prefix),
    ("md5", call(Ordinary)),
    ("merge", Verb),
    ("mid", call(Spelling)),
    ("mod", Arithmetic),
    ("msysaccessobjects", System),
    ("msysobjects", System),
    ("multilinestring", call(Error)),
    ("multipoint", call(Error)),
    ("multipolygon", call(Error)),
    ("name_const", call(Error)),
    ("not", Prefix),
    ("null", Constant),
    ("nullif", call(Spelling)),
    ("nvl", call(Spelling)),
    ("nvl2", call(Spelling)),
    ("object_id", call(Identity)),
    ("octet_length", call(Spelling)),
    ("offset", Limit),
    ("on", Part),
    ("openquery", call(Reach)),
    ("openrowset", call(Reach)),
    ("or", Logic),
    ("ord", call(Spelling)),
    ("order", Sort),
    ("outfile", File),
    ("performance_schema", System),
    ("pg_authid", System),
    ("pg_catalog", System),
    ("pg_class", System),
    ("pg_database", System),
    ("pg_file_write", call(Reach)),
    ("pg_ls_dir", call(Reach)),
    ("pg_read_binary_file", call(Reach)),
    ("pg_read_file", call(Reach)),
    ("pg_roles", System),
    ("pg_settings", System),
    ("pg_shadow", System),
    ("pg_sleep", call(Time)),
    ("pg_stat_activity", System),
    ("pg_stat_file", call(Reach)),
    ("pg_tables", System),
    ("pg_user", System),
    ("pg_user_mapping", System),
    ("pi", call(Ordinary)),
    ("polygon", call(Ordinary)),
    ("position", call(Ordinary)),
    ("pow", call(Ordinary)),
    ("procedure", Procedure),
    ("query_to_xml", call(Error)),
    ("quote", call(Ordinary)),
    ("quote_ident", call(Identity)),
    ("rand", call(Ordinary)),
    ("randomblob", call(Time)),
    ("readfile", call(Ordinary)),
    ("regexp", Infix),
    ("regexp_like", call(Spelling)),
    ("regexp_replace", call(Spelling)),
    ("regexp_substring", call(Error)),
    ("release_lock", call(Identity)),
    ("repeat", call(Ordinary)),
    ("replace", call(Ordinary)),
    ("reverse", call(Ordinary)),
    ("revoke", Verb),
    ("right", call(Ordinary)),
    ("rlike", Infix),
    ("round", call(Ordinary)),
    ("row", call(Ordinary)),
    ("row_count", call(Identity)),
    ("rowid", Constant),
    ("rownum", Constant),
    ("rpad", call(Spelling)),
    ("schema", call(Identity)),
    ("schema_name", call(Ordinary)),
    ("schema_to_xml", call(Error)),
    ("select", Select),
    ("separator", Part),
    ("serverproperty", call(Identity)),
    ("session_user", Who),
    ("set", Verb),
    ("sha", call(Ordinary)),
    ("sha1", call(Ordinary)),
    ("sha2", call(Ordinary)),
    ("shutdown", Command),
    ("sign", call(Ordinary)),
    ("similar", HalfInfix),
    ("sin", call(Ordinary)),
    ("sleep", call(Sleep)),
    ("some", Prefix),
    ("soundex", call(Spelling)),
    ("sounds", HalfInfix),
    ("sqlite_master", System),
    ("sqlite_schema", System),
    ("sqlite_temp_master", System),
    ("sqlite_version", call(Identity)),
    ("sqrt", call(Ordinary)),
    ("st_latfromgeohash", call(Error)),
    ("stragg", call(Gathering)),
    ("strcmp", call(Spelling)),
    ("string_agg", call(Gathering)),
    ("substr", call(Spelling)),
    ("substring", call(Spelling)),
    ("suser_name", call(Identity)),
    ("sys_eval", call(Reach)),
    ("sys_exec", call(Reach)),
    ("syscolumns", System),
    ("sysdatabases", System),
    ("sysdate", Constant),
    ("syslogins", System),
    ("sysobjects", System),
    ("sysprocesses", System),
    ("system_user", Who),
    ("systypes", System),
    ("sysusers", System),
    ("table", Object),
    ("table_to_xml", call(Error)),
    ("tempdb", System),
    ("temporary", Object),
    ("then", Then),
    ("to_base64", call(Spelling)),
    ("to_char", call(Spelling)),
    ("to_number", call(Spelling)),
    ("top", Prefix),
    ("trigger", Object),
    ("trim", call(Ordinary)),
    ("true", Constant),
    ("truncate", Verb),
    ("ucase", call(Ordinary)),
    ("uncompress", call(Spelling)),
    ("unhex", call(Identity)),
    ("union", Union),
    ("unknown", Constant),
    ("update", Verb),
    ("updatexml", call(Error)),
    ("upper", call(Ordinary)),
    ("user", call(Identity)),
    ("user_name", call(Identity)),
    ("user_objects", System),
    ("user_tab_columns", System),
    ("user_tables", System),
    ("using", Part),
    ("utl_http", call(Reach)),
    ("utl_inaddr", call(Error)),
    ("uuid", call(Ordinary)),
    ("uuid_to_bin", call(Error)),
    ("values", Part),
    ("version", call(Identity)),
    ("view", Object),
    ("waitfor", Waitfor),
    ("when", When),
    ("where", Where),
    ("wm_concat", call(Gathering)),
    ("writefile", call(Ordinary)),
    ("xmlagg", call(Gathering)),
    ("xmlelement", call(Error)),
    ("xmltype", call(Error)),
    ("xor", Logic),
    ("xpath", call(Ordinary)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_sorted_and_short() {
        assert!(WORDS.is_sorted_by_key(|(known, _)| *known));
        assert!(WORDS.iter().all(|(known, _)| known.len() <= LONGEST));
    }

    #[test]
    fn case_does_not_matter() {
        assert_eq!(word(b"uNiOn"), Union);
        assert_eq!(word(b"XP_CMDSHELL"), call(Reach));
        assert_eq!(word(b"unionised"), Word::Plain);
    }
}
